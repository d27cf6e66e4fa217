-- Nothing anywhere: an empty target, an empty source, an empty child. Rows come later, on either side.
CREATE TABLE public.many (id bigint GENERATED ALWAYS AS IDENTITY (START WITH 100 INCREMENT BY 10) PRIMARY KEY, name text);
CREATE TABLE public.few (id serial PRIMARY KEY, name text);
CREATE TABLE public.parts (few_id integer REFERENCES public.few);
