-- Columns that a fold adds: their values in the target's own rows leave with them, and are there again after the next fold.
CREATE TABLE public.posts (
    id integer PRIMARY KEY,
    title text NOT NULL,
    author text NOT NULL,
    gone integer,
    stamp timestamptz NOT NULL DEFAULT now(),
    token uuid DEFAULT gen_random_uuid()
);
ALTER TABLE public.posts DROP COLUMN gone;
INSERT INTO public.posts VALUES
    (1, 'one', 'ann', '2026-01-01', '00000000-0000-0000-0000-000000000001'),
    (2, 'two', 'bob', '2026-01-02', NULL);

CREATE TABLE public.drafts (id integer PRIMARY KEY, title text NOT NULL, mark integer);
INSERT INTO public.drafts VALUES (10, 'ten', 3), (11, 'eleven', NULL);
