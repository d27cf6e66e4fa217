-- A row of every built-in type with awkward values, one column by its own name and all of them in a document.
CREATE TYPE public.pair AS (a integer, "b c" text);
CREATE TYPE public.mood AS ENUM ('', 'ok');
CREATE DOMAIN public.short AS varchar(3) CHECK (VALUE <> 'bad');
CREATE TABLE public.one (id integer PRIMARY KEY, plain text, all_of_it jsonb);
INSERT INTO public.one VALUES (1, 'own', '{"all": 1}');

CREATE TABLE public.types (
    id integer PRIMARY KEY, i2 smallint, i8 bigint, n numeric, f4 real, f8 double precision, m money,
    t text, v varchar(10), c char(5), n1 name, b bytea, ts timestamp(3), tz timestamptz, d date, tm time, tmz timetz,
    iv interval, bo boolean, u uuid, j json, jb jsonb, jp jsonpath,
    ip inet, ci cidr, ma macaddr, m8 macaddr8, bi bit(3), vb varbit,
    po point, li line, ls lseg, bx box, pa path, pg polygon, ci2 circle,
    tv tsvector, tq tsquery, r4 int4range, rn numrange, rt tstzrange, mr int4multirange,
    o oid, rc regclass, ls2 pg_lsn, sn pg_snapshot,
    a1 integer[], a2 text[][], a3 jsonb[], pr public.pair, prs public.pair[], mo public.mood, mos public.mood[], sh public.short
);
INSERT INTO public.types VALUES (
    10, -32768, 9223372036854775807, '1.10', '-0', 'NaN', '-1.00',
    E'tab\t"quote" \\ ü', 'ab   ', 'a', 'name', '\x00ff', '2026-01-01 00:00:00.123', '0044-03-15 12:00:00+00 BC', 'infinity',
    '24:00', '12:34:56.7+05:30', '1 mon -30 days 00:00:00.000001', false, '00000000-0000-0000-0000-000000000001',
    '{"b":  1, "a": 2, "b": null}', '{"k": [1.0, 1.00, null]}', '$."a b"[*] ? (@ > 1)',
    '10.0.0.1/8', '::/64', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'101', B'',
    '(1e-300,-0)', '{1,2,3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '<(0,0),1>',
    '''it''''s'':1A cat:2', 'a & !b:*', 'empty', '(1.10,]', '["2026-01-01 00:00:00+00",infinity)', '{[1,3),[5,7)}',
    4294967295, 'pg_class', '16/B374D848', '10:20:10,14,15',
    '[0:1]={1,NULL}', '{{"a,b",NULL},{"",c}}', '{"null",NULL,"\"s\""}', '(1,"x ""y"" ")', '{"(,)",NULL,"(2,)"}', '', '{ok,""}', 'abc'
);
INSERT INTO public.types (id) VALUES (11);
