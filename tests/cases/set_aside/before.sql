-- What cannot go home: values without a counterpart, values that break a rule, children of rows that part; kept for the next fold.
CREATE TABLE public.issues (id integer PRIMARY KEY, status text, title varchar(200) NOT NULL, points numeric, slug text);
INSERT INTO public.issues VALUES (1, 'open', 'own', 1, 'own');
CREATE TABLE public.comments (id integer PRIMARY KEY, issue integer REFERENCES public.issues, body text);
INSERT INTO public.comments VALUES (1, 1, 'on an own one');

CREATE TABLE public.bugs (
    id integer PRIMARY KEY,
    state text,
    title varchar(10) NOT NULL,
    points smallint CHECK (points < 100),
    slug text NOT NULL UNIQUE
);
INSERT INTO public.bugs VALUES
    (10, 'NEW', 'ten', 1, 'ten'), (11, 'NEW', 'eleven', 2, 'eleven'), (12, 'DONE', 'twelve', 3, 'twelve'), (13, NULL, 'x', NULL, 'x');
CREATE TABLE public.votes (bug integer NOT NULL REFERENCES public.bugs ON DELETE CASCADE, who text);
INSERT INTO public.votes VALUES (10, 'ann'), (11, 'bob');
