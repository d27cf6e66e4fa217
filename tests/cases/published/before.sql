-- Publications that ship everything, and a child that only ever grows: it has no key, so it cannot be updated or deleted from.
CREATE TABLE public.accounts (id integer PRIMARY KEY, name text);
INSERT INTO public.accounts VALUES (1, 'own');
CREATE TABLE public.users (no integer PRIMARY KEY, name text);
INSERT INTO public.users VALUES (10, 'ann'), (11, 'bob');
CREATE TABLE public.visits (user_no integer REFERENCES public.users, at date);
INSERT INTO public.visits VALUES (10, '2026-01-01'), (10, '2026-01-01');
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE PUBLICATION the_schema FOR TABLES IN SCHEMA public;
