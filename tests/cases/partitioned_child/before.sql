-- Children that are partitioned, with a default partition and one of another shape; the fold rewrites their keys.
CREATE TABLE public.machines (id text PRIMARY KEY, name text);
INSERT INTO public.machines VALUES ('m1', 'own');

CREATE TABLE public.robots (id integer PRIMARY KEY, name text);
INSERT INTO public.robots VALUES (1, 'one'), (2, 'two'), (3, 'three');

CREATE TABLE public.readings (
    at date NOT NULL,
    robot integer REFERENCES public.robots ON DELETE CASCADE,
    value numeric,
    PRIMARY KEY (at, value)
) PARTITION BY RANGE (at);
CREATE TABLE public.readings_2025 PARTITION OF public.readings FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE public.readings_2026 (value numeric NOT NULL, gone text, robot integer, at date NOT NULL);
ALTER TABLE public.readings_2026 DROP COLUMN gone;
ALTER TABLE public.readings ATTACH PARTITION public.readings_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE public.readings_rest PARTITION OF public.readings DEFAULT;
CREATE INDEX ON public.readings (robot);
INSERT INTO public.readings VALUES ('2025-05-05', 1, 1.0), ('2026-06-06', 2, 1.00), ('1999-01-01', NULL, 0), ('2026-07-07', 1, 3);
