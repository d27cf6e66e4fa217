-- Value maps: one to one, many to one, otherwise keep, null or a value, NULL by name, numbers and truth, in a document.
CREATE TYPE public.priority AS ENUM ('P0', 'P1', 'P2');
CREATE TABLE public.cases (
    id integer PRIMARY KEY,
    status text CHECK (status IN ('open', 'closed', 'none')),
    level public.priority,
    kind text,
    place text NOT NULL DEFAULT 'here',
    flag boolean,
    score integer,
    meta jsonb
);
INSERT INTO public.cases VALUES (1, 'open', 'P0', 'own', DEFAULT, true, 1, NULL);

CREATE TABLE public.alerts (
    id integer PRIMARY KEY,
    state varchar(8),
    severity text,
    kind text,
    region text,
    active integer,
    stars text,
    colour text
);
INSERT INTO public.alerts VALUES
    (10, 'NEW', 'high', 'disk', 'EU', 1, '*', 'red'),
    (11, 'SEEN', 'mid', 'net', 'us', 0, '***', 'RED'),
    (12, 'DONE', 'low', '', 'EU ', NULL, NULL, NULL),
    (13, NULL, NULL, NULL, NULL, 1, '', 'null'),
    (14, 'NEW', 'high', 'strange', 'mars', 0, '**', 'blue');
