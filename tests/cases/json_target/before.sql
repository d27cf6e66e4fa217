-- A json column (not jsonb) and a jsonb one as targets; paths with dots; SQL NULL, JSON null and a missing path differ.
CREATE TABLE public.docs (
    id integer PRIMARY KEY,
    raw json,
    meta jsonb
);
INSERT INTO public.docs VALUES (1, '{"b" : 1,   "a": 2, "b": 3}', 'null'), (2, NULL, NULL);

CREATE TABLE public.pages (
    id integer PRIMARY KEY,
    title text,
    "views.all" bigint,
    attributes jsonb,
    source json
);
INSERT INTO public.pages VALUES
    (10, 'a.b', 1, '{"k": null, "k2": {"x": [1, 2]}}', '{ "z": 1, "z": 2 }'),
    (11, NULL, NULL, 'null', 'null'),
    (12, '', 0, NULL, NULL),
    (13, 'null', -1, '"null"', '"a"  '),
    (14, '"quoted"', 9007199254740993, '[1.0, 1.00, 1e2]', '[1.0,1.00,1e2]');
