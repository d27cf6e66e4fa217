INSERT INTO public.customers (name, referred_by) VALUES ('Katherine', 1);
INSERT INTO public.tags VALUES (5, 'new');
UPDATE public.orders SET customer = 5 WHERE no = 4;
DELETE FROM public.customers WHERE name = '';
