-- Text keys, awkward ones, made by a custom rule; a key that people change while folded is followed.
CREATE TABLE public.labels (name text PRIMARY KEY COLLATE "C", colour text);
INSERT INTO public.labels VALUES ('red', '#f00'), ('', NULL);

CREATE TABLE public.tags (code text COLLATE "POSIX" PRIMARY KEY, colour text);
INSERT INTO public.tags VALUES
    ('', '#000'), (' ', '#111'), ('a', '#222'), ('A', '#333'), (E'tab\there', '#444'), (E'line\nbreak', '#555'),
    ('back\slash', '#666'), ('ß ẞ ﬃ 💚 e' || U&'\0301', '#777'), ('''); DROP TABLE tags; --', '#888'), ('\N', NULL);

CREATE TABLE public.uses (
    id integer PRIMARY KEY,
    tag text REFERENCES public.tags ON UPDATE CASCADE ON DELETE SET DEFAULT DEFAULT ''
);
INSERT INTO public.uses SELECT row_number() OVER (ORDER BY code COLLATE "C"), code FROM public.tags;
INSERT INTO public.uses VALUES (11, NULL);
