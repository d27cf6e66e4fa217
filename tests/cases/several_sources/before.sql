-- Three sources of three shapes: rest by name, rest into a document, rest dropped; one child references two of them.
CREATE TABLE public.tickets (
    id integer PRIMARY KEY,
    title text,
    status text,
    meta jsonb NOT NULL DEFAULT '{}'
);
INSERT INTO public.tickets VALUES (1, 'one', 'open', '{"own": true}');

CREATE TABLE public.bugs (id integer PRIMARY KEY, title text, status text);
INSERT INTO public.bugs VALUES (100, 'crash', 'open'), (101, NULL, NULL);

CREATE TABLE public.wishes (
    wish_no smallint PRIMARY KEY,
    wish text,
    votes bigint,
    "by.whom" text,
    at timestamptz,
    tags text[],
    doc json
);
INSERT INTO public.wishes VALUES
    (200, 'faster', 3, 'ann', '2026-01-02 03:04:05.678+00', '{a,"b c",NULL}', '{"b": 1,  "a": 2, "b": 3}'),
    (201, 'cheaper', NULL, NULL, NULL, '{}', NULL),
    (202, 'both', 9223372036854775807, '', '-infinity', '[0:1]={x,y}', '"text"');

CREATE TABLE public.spam (id integer PRIMARY KEY, title text, header bytea, score float8);
INSERT INTO public.spam VALUES (300, 'buy', '\x00ff', '-0'), (301, 'now', NULL, 'NaN');

CREATE TABLE public.links (
    bug integer REFERENCES public.bugs,
    wish smallint REFERENCES public.wishes ON DELETE SET NULL,
    UNIQUE (bug, wish)
);
INSERT INTO public.links VALUES (100, 200), (100, NULL), (101, 202);
