-- What people change in the catalog while folded is theirs: a rollback names what stands in its way, and drops none of it.
CREATE TABLE public.assets (id integer PRIMARY KEY, name text);
INSERT INTO public.assets VALUES (1, 'own');
CREATE TABLE public.cars (id integer PRIMARY KEY, name text, wheels integer);
INSERT INTO public.cars VALUES (10, 'beetle', 4), (11, 'isetta', 3);
