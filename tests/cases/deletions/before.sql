-- More rows are gone than somebody may have meant; some were deleted and are there again, under the same key or another.
CREATE TABLE public.everything (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO public.everything VALUES (1, 'own');
CREATE TABLE public.things (id integer PRIMARY KEY, name text NOT NULL, extra text DEFAULT 'e');
INSERT INTO public.things SELECT n, 'thing ' || n FROM generate_series(10, 25) n;
CREATE TABLE public.parts (thing integer REFERENCES public.things ON DELETE SET NULL, part text);
INSERT INTO public.parts VALUES (10, 'a'), (24, 'b'), (25, 'c');
