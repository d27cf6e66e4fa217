-- Foreign keys that the sources have: made again on the target, there already, or lost; what they reference moves meanwhile.
CREATE TABLE public.countries (code char(2) PRIMARY KEY, name text UNIQUE);
INSERT INTO public.countries VALUES ('FR', 'France'), ('NO', 'Norway'), ('TR', 'Türkiye');
CREATE TABLE public.runs (id integer PRIMARY KEY);
INSERT INTO public.runs VALUES (1), (2), (3);

CREATE TABLE public.places (
    id integer PRIMARY KEY,
    name text,
    country char(2) REFERENCES public.countries ON UPDATE CASCADE,
    run integer,
    meta jsonb
);
INSERT INTO public.places VALUES (1, 'Paris', 'FR', NULL, NULL);

CREATE TABLE public.towns (
    id integer PRIMARY KEY,
    name text,
    country char(2) CONSTRAINT "in" REFERENCES public.countries ON DELETE RESTRICT,
    country_name text REFERENCES public.countries (name) ON UPDATE CASCADE,
    run integer REFERENCES public.runs ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    last_run integer REFERENCES public.runs ON DELETE CASCADE
);
COMMENT ON CONSTRAINT "in" ON public.towns IS 'where it lies';
INSERT INTO public.towns VALUES (10, 'Oslo', 'NO', 'Norway', 1, 2), (11, 'Izmir', 'TR', NULL, NULL, 3), (12, 'Atlantis', NULL, NULL, 2, NULL);
