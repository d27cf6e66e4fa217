-- Keys of two columns, one of which gets a wider type; children hold both, one of them only by half.
CREATE TABLE public.ledger_lines (
    tenant text NOT NULL,
    no bigint NOT NULL,
    amount numeric NOT NULL,
    corrects bigint,
    PRIMARY KEY (tenant, no),
    FOREIGN KEY (tenant, corrects) REFERENCES public.ledger_lines
);
INSERT INTO public.ledger_lines VALUES ('a', 1, 1.0, NULL), ('a', 2, 1.00, 1);

CREATE TABLE public.old_lines (
    number integer NOT NULL,
    company text NOT NULL,
    value numeric NOT NULL,
    corrected integer,
    PRIMARY KEY (company, number),
    FOREIGN KEY (company, corrected) REFERENCES public.old_lines
);
INSERT INTO public.old_lines VALUES (1, 'b', 0.10, NULL), (2, 'b', 0.1, 1), (2, 'c', 'NaN', NULL), (7, '', 1e-7, NULL);

CREATE TABLE public.receipts (
    id integer PRIMARY KEY,
    line integer,
    company text,
    FOREIGN KEY (line, company) REFERENCES public.old_lines (number, company) MATCH SIMPLE ON UPDATE CASCADE
);
INSERT INTO public.receipts VALUES (1, 1, 'b'), (2, 2, 'c'), (3, NULL, 'nobody'), (4, 99, NULL), (5, 7, '');

CREATE TABLE public.notes (
    company text,
    number integer,
    note text,
    FOREIGN KEY (company, number) REFERENCES public.old_lines MATCH FULL ON DELETE CASCADE
);
INSERT INTO public.notes VALUES ('b', 2, 'twice'), ('b', 2, 'twice'), (NULL, NULL, 'loose');
