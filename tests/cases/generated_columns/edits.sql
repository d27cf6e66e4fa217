UPDATE public.items SET name = 'PENCIL', net = 1.50 WHERE id = 7;
UPDATE public.items SET rank = 100 WHERE id = 8;
INSERT INTO public.items (name, net) VALUES ('After', 0);
