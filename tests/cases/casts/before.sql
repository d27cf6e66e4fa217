-- Types that differ: text and enum, integer and bigint, lengths, precision, moments with and without zone, arrays.
CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'hap''py');
CREATE TYPE public.weather AS ENUM ('sad', 'ok', 'hap''py', 'rain');
CREATE DOMAIN public.percent AS numeric(5, 2) CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE public.wide (
    id bigint PRIMARY KEY,
    mood public.mood,
    said text,
    weather public.weather,
    name varchar(40),
    code text,
    letters text,
    amount numeric,
    share public.percent,
    ratio float8,
    at timestamptz,
    day date,
    ids bigint[],
    words text[],
    address inet,
    bits bit varying,
    uid text
);
INSERT INTO public.wide (id, mood) VALUES (1, 'ok');

CREATE TABLE public.narrow (
    id integer PRIMARY KEY,
    mood text,
    said public.mood,
    weather public.mood,
    name varchar(10),
    code char(4),
    letters varchar(3)[],
    amount numeric(8, 3),
    share numeric(5, 2),
    ratio float4,
    at timestamp,
    day date,
    ids integer[],
    words varchar(5)[],
    address cidr,
    bits bit(4),
    uid uuid
);
INSERT INTO public.narrow VALUES
    (10, 'sad', 'sad', 'ok', 'ten chars!', 'ab', '{a,NULL,"b,c"}', 1.5, 99.99, 0.1, '2026-03-29 02:30:00', '0044-03-15 BC',
     '{1,NULL,-2147483648}', '{a,"b ",NULL}', '10.0.0.0/8', B'0101', 'a0eebc99-9c0b-0ef8-bb6d-6bb9bd380a11'),
    (11, 'hap''py', 'hap''py', NULL, '', '', '{}', -0.001, 0, 'NaN', 'infinity', 'infinity', '[2:3]={7,8}', '{}', '::/0',
     B'0000', '00000000-0000-0000-0000-000000000000'),
    (12, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (-2147483648, 'ok', 'ok', 'sad', 'é', 'abcd', '{{a,b},{c,d}}', 99999.999, 100, '-0', '-infinity', '4713-01-01 BC',
     '{{1,2},{3,4}}', '{"",x}', '1.2.3.4/32', B'1111', 'ffffffff-ffff-ffff-ffff-ffffffffffff');

CREATE TABLE public.uses (narrow_id integer NOT NULL REFERENCES public.narrow, n integer);
INSERT INTO public.uses VALUES (10, 1), (-2147483648, 2);
