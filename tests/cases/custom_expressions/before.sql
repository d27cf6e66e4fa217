-- Custom rules: both ways, over several columns, into a document, with no way back, and one that is only lossy.
CREATE TABLE public.contacts (
    id integer PRIMARY KEY,
    full_name text NOT NULL,
    phone text,
    born date,
    city text,
    meta jsonb
);
INSERT INTO public.contacts VALUES (1, 'Own, Row', NULL, NULL, 'Paris', NULL);

CREATE TABLE public.persons (
    id integer PRIMARY KEY,
    first text NOT NULL,
    last text NOT NULL,
    area text,
    number text,
    born_ms bigint,
    town text,
    tags text[]
);
INSERT INTO public.persons VALUES
    (10, 'Ann', 'Lee', '030', '1234', 0, 'lyon', '{b,a}'),
    (11, '', '''; --', NULL, '99', -86400000, 'OSLO', '{}'),
    (12, 'Zoë', 'ß', '', NULL, NULL, NULL, NULL),
    (13, 'a', 'b', '1', '', 951782400000, 'Ōsaka', '{"x,y"}');
