-- key: new. Rows get a key of the target's own making and type; children follow from bigint to uuid, with a new rule.
CREATE TABLE public.parties (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    referred_by uuid REFERENCES public.parties
);
INSERT INTO public.parties VALUES ('00000000-0000-0000-0000-00000000000a', 'Ada'), ('00000000-0000-0000-0000-000000000009', 'Grace');

CREATE TABLE public.customers (
    id bigserial PRIMARY KEY,
    name text NOT NULL,
    referred_by bigint REFERENCES public.customers
);
INSERT INTO public.customers (name, referred_by) VALUES ('Zoë', NULL), ('O''Brien', 1), ('', 3), ('-0', 2);
DELETE FROM public.customers WHERE name = '-0';

-- A child by a nullable column, with an index, a statistics target, a grant and a comment on it.
CREATE TABLE public.orders (
    no integer PRIMARY KEY,
    customer bigint REFERENCES public.customers ON DELETE SET NULL,
    total numeric(10, 2) NOT NULL
);
CREATE INDEX orders_customer ON public.orders (customer DESC, no) INCLUDE (total);
ALTER TABLE public.orders ALTER customer SET STATISTICS 500;
COMMENT ON COLUMN public.orders.customer IS 'who pays';
COMMENT ON CONSTRAINT orders_customer_fkey ON public.orders IS 'payers are customers';
INSERT INTO public.orders VALUES (1, 1, 9.90), (2, 3, 0), (3, NULL, -1), (4, 1, 1e3);

-- A child whose own key holds it.
CREATE TABLE public.tags (
    customer bigint NOT NULL REFERENCES public.customers ON DELETE CASCADE ON UPDATE CASCADE,
    tag text NOT NULL,
    PRIMARY KEY (customer, tag)
);
INSERT INTO public.tags VALUES (1, 'vip'), (2, 'new'), (2, 'vip');
