-- A source keeps its keys: every kind of plain rule, and children that keep theirs.
CREATE TABLE public.things (
    id integer PRIMARY KEY,
    title text NOT NULL,
    severity text,
    code varchar(20),
    meta jsonb
);
INSERT INTO public.things VALUES
    (1, 'one', 'high', 'A-1', '{"a": 1}'),
    (2, 'two', NULL, NULL, NULL);

CREATE TABLE public.reports (
    report_no integer PRIMARY KEY,
    name text NOT NULL,
    sev text,
    legacy text,
    note text,
    tags text[],
    meta jsonb
);
INSERT INTO public.reports VALUES
    (10, 'ten', 'High', 'x', 'n1', '{a,NULL,"b c"}', '{"z": null}'),
    (11, 'eleven', 'Low', '', NULL, NULL, 'null'),
    (12, 'twelve', NULL, NULL, '', '{}', NULL);

CREATE TABLE public.comments (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_no integer NOT NULL REFERENCES public.reports ON DELETE CASCADE,
    body text
);
INSERT INTO public.comments (report_no, body) VALUES (10, 'first'), (12, 'second');
