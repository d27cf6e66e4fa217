-- Keys of children: rules that change, keys that only the spec knows, two keys of one table, a key by a unique column.
CREATE TABLE public.staff (id integer PRIMARY KEY, name text NOT NULL, badge text UNIQUE);
INSERT INTO public.staff VALUES (1, 'Ada', 'A1');
CREATE TABLE public.shifts (id integer PRIMARY KEY, staff_id integer NOT NULL REFERENCES public.staff);
INSERT INTO public.shifts VALUES (1, 1);

CREATE TABLE public.temps (no integer PRIMARY KEY, name text NOT NULL, badge text UNIQUE);
INSERT INTO public.temps VALUES (10, 'Bob', 'B1'), (11, 'Cyd', NULL), (12, 'Dee', 'D1');

CREATE TABLE public.rotas (
    id integer PRIMARY KEY,
    temp integer REFERENCES public.temps ON DELETE RESTRICT,
    stand_in integer CONSTRAINT "stand in" REFERENCES public.temps ON DELETE SET NULL DEFERRABLE,
    badge text REFERENCES public.temps (badge) ON UPDATE CASCADE,
    manager integer,
    nobody integer
);
COMMENT ON CONSTRAINT "stand in" ON public.rotas IS 'whoever is free';
INSERT INTO public.rotas VALUES (1, 10, 11, 'B1', 12, 10), (2, NULL, NULL, NULL, NULL, NULL), (3, 12, 12, 'D1', 99, 99);
ALTER TABLE public.rotas ADD CONSTRAINT nobodies FOREIGN KEY (nobody) REFERENCES public.temps NOT VALID;
