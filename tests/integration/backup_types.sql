-- Every built-in type with the values that a text format loses most easily. Each row is one kind of trouble.
CREATE SCHEMA kinds;
CREATE TYPE kinds.mood AS ENUM ('', 'so so', 'it''s "fine", \ok');
CREATE TYPE kinds.plain_pair AS (a integer, b text);
CREATE TYPE kinds.holder AS (label text, counts integer[], doc json, inner_pair kinds.plain_pair);
CREATE DOMAIN kinds.short AS varchar(12) CHECK (VALUE <> 'never');
CREATE DOMAIN kinds.document AS jsonb;
CREATE DOMAIN kinds.pair_domain AS kinds.plain_pair;
CREATE DOMAIN kinds.counts AS integer[];
CREATE TYPE kinds.span AS RANGE (SUBTYPE = float8);

CREATE TABLE kinds.numbers (
    id integer PRIMARY KEY, i2 smallint, i8 bigint, n numeric, n62 numeric(6, 2), f4 real, f8 double precision, o oid,
    cash money, flag boolean, xid8 xid8, lsn pg_lsn
);
INSERT INTO kinds.numbers VALUES
    (1, -32768, -9223372036854775808, '1.00', 0.10, '-0', '-0', 4294967295, '-92233720368547758.08', true, '18446744073709551615', 'FFFFFFFF/FFFFFFFF'),
    (2, 32767, 9223372036854775807, 'NaN', 'NaN', 'NaN', 'NaN', 0, '1234.5', false, '0', '0/0'),
    (3, 0, 0, 'Infinity', 9999.99, 'Infinity', '-Infinity', 1, 0, NULL, '1', '16/B374D848'),
    (4, NULL, NULL, '-Infinity', -0.00, 3.4028235e38, 1.7976931348623157e308, NULL, NULL, NULL, NULL, NULL),
    (5, 1, 1, '123456789012345678901234567890.123456789000', 1, 1e-45, 5e-324, 1, 1, true, '1', '0/1'),
    (6, 1, 1, ('1' || repeat('0', 400) || '.' || repeat('0', 300) || '1')::numeric, 1, 0.1, 0.1, 1, 1, true, '1', '0/1');

CREATE TABLE kinds.moments (
    id integer PRIMARY KEY, d date, t time, t3 time(3), tz timetz, ts timestamp, tstz timestamptz, iv interval, iv3 interval(3)
);
INSERT INTO kinds.moments VALUES
    (1, '4714-11-24 BC', '00:00', '23:59:59.9995', '24:00:00-15:59', '4714-11-24 00:00 BC', '4714-11-24 00:00:00+00 BC', '1 mon', '1.23456 s'),
    (2, '5874897-12-31', '24:00', '12:34:56.789', '12:34:56.789012+05:30', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '30 days', '-1 day 01:00'),
    (3, 'infinity', '12:00:00.000001', NULL, NULL, 'infinity', '-infinity', '-178000000 years', NULL),
    (4, '0001-01-01 BC', NULL, NULL, NULL, '2026-03-29 02:30:00', '2026-03-29 01:30:00.123456+00', '720:00:00', '1 year -3 days'),
    (5, '2026-01-01', '01:02:03', '01:02:03', '01:02:03+00', '2026-01-01', '2026-01-01+14', '00:00:00.000001', '0');

CREATE TABLE kinds.texts (
    id integer PRIMARY KEY, t text, c5 char(5), free bpchar, v8 varchar(8), one "char", n name, b bytea, tv tsvector, tq tsquery,
    u uuid, bits bit(9), varbits varbit, c_collated text COLLATE "C"
);
INSERT INTO kinds.texts VALUES
    (1, '', '', '', '', '', '', '', '', '', '00000000-0000-0000-0000-000000000000', B'000000000', B'', ''),
    (2, 'NULL', 'null', 'a  ', '\N', '\', 'x', '\x00ff015c', 'a:1A b:2,3', 'a & !b', 'ffffffff-ffff-ffff-ffff-ffffffffffff', B'101010101', B'1', 'é'),
    (3, E'\x01\x02\t\r\n\b\f\v"\\''', E'\t\n', E'\r\n  ', E'\x01\x02', 'é', 'Ünï', '\x0a0d', '''it''''s'':1', NULL, NULL, NULL, NULL, NULL),
    (4, E'line\r\nline\rline\n\\.\n', '  a', E' \u00a0', '𝄞𝄞', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (5, '𝄞 emoji 👩‍👩‍👧 ' || chr(65535) || chr(1114111) || chr(8232) || chr(127), 'é', '', '', NULL, '', '\x', '', '', NULL, NULL, '', ''),
    (6, '{"not": "json"}', '[1]', 'true', '1e5', '1', '"q"', '\x7b7d', NULL, NULL, NULL, NULL, NULL, NULL),
    (7, (SELECT string_agg(md5(n::text) || E'\n"\\', '') FROM generate_series(1, 150000) n), NULL, NULL, NULL, NULL, NULL, decode(repeat('00ff', 500000), 'hex'), NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE kinds.places (
    id integer PRIMARY KEY, i inet, c cidr, m macaddr, m8 macaddr8, p point, l line, s lseg, b box, pa path, pol polygon, ci circle,
    r int4range, nr numrange, tr tstzrange, mr int4multirange, fr kinds.span, fmr kinds.span_multirange, jp jsonpath
);
INSERT INTO kinds.places VALUES
    (1, '::1', '10/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '(-0,NaN)', '{1,-1,0}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,1)]', '((0,0),(1,1))', '<(0,0),1>',
     'empty', '(,)', '[-infinity,infinity]', '{}', '[-0,Infinity]', '{[1,2],[3,4]}', '$.a[*] ? (@ > 1)'),
    (2, '192.168.1.1/24', '::/0', NULL, NULL, '(1e300,Infinity)', NULL, NULL, NULL, '((0,0),(1,1))', NULL, NULL,
     '[1,10)', '(1.00,1.0]', '["0044-03-15 00:00:00+00 BC",)', '{[1,2),[5,)}', 'empty', '{}', 'lax $'),
    (3, '10.0.0.1/32', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '(,5]', '[1.5,)', NULL, NULL, NULL, NULL, NULL);

CREATE TABLE kinds.documents (
    id integer PRIMARY KEY, j json, jb jsonb, dj kinds.document, ja json[], jba jsonb[], x xml
);
INSERT INTO kinds.documents (id, j, jb, dj, ja, jba) VALUES
    (1, E'{"b" : 1,\n\n  "a":2, "b": 3 }', 'null', 'null', ARRAY[E'{\n"a": 1}', 'null']::json[], ARRAY['null', '"x"', '{"a": 1}']::jsonb[]),
    (2, 'null', '"a string"', '"null"', '{}', '{}'),
    (3, '"\u00e9\ud834\udd1e \\ \" "', '{"a": null, "b": [1.0, 1.00, -0, 1e400]}', '[]', ARRAY[NULL, '1']::json[], ARRAY[NULL, '1']::jsonb[]),
    (4, NULL, NULL, NULL, NULL, NULL),
    (5, '1e5', '1e5', '1.10', '[0:1]={1,2}', '[-1:0]={1,2}'),
    (6, '[]', '""', '""', '{{1,2},{3,4}}', '{{"{}"},{"[]"}}'),
    (7, '{"": {"\"": "\\"}}', '{"": {"\"": "\\"}}', 'true', NULL, NULL);
-- A server built without libxml has no xml values.
DO $$ BEGIN
    UPDATE kinds.documents SET x = (ARRAY['<a b="c">é<!-- x --></a>', 'text &amp; more', '', E'<a>\r\n</a>', '<?xml version="1.0"?><!DOCTYPE a><a/>'])[id]::xml
    WHERE id <= 5;
EXCEPTION WHEN feature_not_supported THEN NULL; END $$;

CREATE TABLE kinds.lists (
    id integer PRIMARY KEY, ints integer[], texts text[], floats float8[], chars char(4)[], dates date[], moods kinds.mood[],
    pairs kinds.plain_pair[], ranges int4range[], uuids uuid[], bytes bytea[], nums numeric[], counts kinds.counts, i2v int2vector, ov oidvector
);
INSERT INTO kinds.lists VALUES
    (1, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '', ''),
    (2, '{NULL}', '{NULL,"NULL","",null}', '{NaN,-0,Infinity,NULL}', '{ab,NULL}', '{infinity,0044-03-15 BC}', '{"","it''s \"fine\", \\ok"}',
        ARRAY[ROW(1, 'x'), ROW(NULL, NULL), NULL]::kinds.plain_pair[], '{empty,"[1,2)"}', '{00000000-0000-0000-0000-000000000000}', '{"\\x00"}', '{1.00,NaN}', '{1,NULL}', '1 2', '3 4'),
    (3, '[0:2]={1,2,3}', '[5:6]={a,"b,c"}', '[-3:-2]={1,2}', '[0:0]={a}', NULL, NULL, ('[2:2]={"(1,x)"}')::kinds.plain_pair[], NULL, NULL, NULL, NULL, '[7:7]={1}', NULL, NULL),
    (4, '{{1,2},{3,NULL}}', '{{"{","}"},{"\"","\\"}}', '{{1},{2}}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{{{1.0},{2.00}}}', '{{1},{2}}', NULL, NULL),
    (5, '[1:2][0:1]={{1,2},{3,4}}', '[1:1][1:1][1:1][1:1][1:1][3:3]={{{{{{x}}}}}}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO kinds.lists (id, texts) VALUES (6, ARRAY[E'\n', E'\t', E'\x01', '\', '{', '[', 'null', '𝄞']);

CREATE TABLE kinds.made (
    id integer PRIMARY KEY, mood kinds.mood, pair kinds.plain_pair, holder kinds.holder, short kinds.short, pair_domain kinds.pair_domain,
    whole kinds.numbers
);
INSERT INTO kinds.made VALUES
    (1, '', ROW(1, 'a'), ROW('l', '[0:1]={1,2}', E'{"b":1,\n"b":2}', ROW(NULL, '')), '', ROW(1, 'a'), (SELECT whole_row FROM kinds.numbers whole_row WHERE id = 2)),
    (2, 'it''s "fine", \ok', ROW(NULL, NULL), ROW(NULL, NULL, NULL, NULL), 'NULL', ROW(NULL, NULL), (SELECT whole_row FROM kinds.numbers whole_row WHERE id = 1)),
    (3, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, 'so so', ROW(0, E'(",\\\n'), ROW('"', '{}', 'null', NULL), 'é', NULL, ROW(NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL));

-- Names and shapes.
CREATE TABLE kinds.nothing (id integer PRIMARY KEY, t text);
CREATE TABLE kinds.no_columns ();
INSERT INTO kinds.no_columns DEFAULT VALUES;
INSERT INTO kinds.no_columns DEFAULT VALUES;
CREATE TABLE kinds.no_key (a integer, b text);
INSERT INTO kinds.no_key VALUES (1, 'x'), (1, 'x'), (NULL, NULL);
CREATE TABLE kinds."line" (line integer NOT NULL UNIQUE, saved text, digested text, r text, "a ""quoted"" %s {name}" text, "Größe" text, text text);
INSERT INTO kinds."line" VALUES (2, 's', 'd', 'r', 'q', 'g', 't'), (1, '', '', '', '', '', '');
CREATE TABLE kinds."a table, of a ""very"" long name/with.dots and % signs, 63 byte" (id integer PRIMARY KEY);
INSERT INTO kinds."a table, of a ""very"" long name/with.dots and % signs, 63 byte" VALUES (1);
CREATE TABLE kinds."NOTHING" (id integer PRIMARY KEY);
INSERT INTO kinds."NOTHING" VALUES (7);
CREATE TABLE kinds.computed (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, k integer GENERATED BY DEFAULT AS IDENTITY (START WITH 5 INCREMENT BY -3 MINVALUE -1000 MAXVALUE 1000),
    a integer, twice integer GENERATED ALWAYS AS (a * 2) STORED, s serial
);
INSERT INTO kinds.computed (a) VALUES (1), (2), (NULL);
DELETE FROM kinds.computed WHERE a = 1;
SELECT setval('kinds.computed_s_seq', 77, false);
