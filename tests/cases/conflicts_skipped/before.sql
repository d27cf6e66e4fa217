-- on_conflict: skip. The target's rows come first, then the earlier source, by key and by unique value; decided each time.
CREATE TABLE public.accounts (
    id integer PRIMARY KEY,
    email text NOT NULL UNIQUE,
    nick text,
    CONSTRAINT one_nick UNIQUE NULLS NOT DISTINCT (nick)
);
INSERT INTO public.accounts VALUES (1, 'ann@example.org', 'ann'), (2, 'bob@example.org', 'bob');

CREATE TABLE public.old_users (id integer PRIMARY KEY, email text NOT NULL, nick text);
INSERT INTO public.old_users VALUES
    (2, 'bob@elsewhere.org', 'bobby'),      -- the target has its key
    (10, 'ann@example.org', 'anna'),        -- and its email
    (11, 'cyd@example.org', 'cyd'),
    (12, 'cyd@example.org', 'cyd2'),        -- a row before it has its email
    (13, 'dee@example.org', NULL),
    (14, 'eve@example.org', NULL);          -- NULL is a value here

CREATE TABLE public.older_users (mail text PRIMARY KEY, no integer NOT NULL, handle text);
INSERT INTO public.older_users VALUES ('dee@example.org', 20, 'dee'), ('fay@example.org', 21, 'fay'), ('gil@example.org', 11, 'gil');

CREATE TABLE public.logins (user_id integer REFERENCES public.old_users, at date);
INSERT INTO public.logins VALUES (11, '2026-01-01'), (13, NULL);
