-- Sequences on both sides: serial keys, other serial columns, one of no column, one that text is made of; none gives a value twice.
CREATE TABLE public.invoices (
    id serial PRIMARY KEY,
    number bigserial UNIQUE,
    what text
);
SELECT setval('public.invoices_id_seq', 40), setval('public.invoices_number_seq', 70);
INSERT INTO public.invoices (what) VALUES ('own');

CREATE SEQUENCE public.bills_of_all INCREMENT BY 5 CACHE 3;
CREATE TABLE public.bills (
    id bigserial PRIMARY KEY,
    number integer NOT NULL DEFAULT nextval('public.bills_of_all'),
    what text
);
INSERT INTO public.bills (what) VALUES ('first'), ('second');
INSERT INTO public.bills VALUES (500, 12345, 'by hand');

CREATE SEQUENCE public.codes;
CREATE TABLE public.debts (
    id smallserial PRIMARY KEY,
    code text DEFAULT 'D-' || nextval('public.codes')
);
ALTER SEQUENCE public.codes OWNED BY public.debts.code;
INSERT INTO public.debts DEFAULT VALUES;
