UPDATE public.parties SET name = 'Zoé' WHERE name = 'Zoë';
UPDATE public.parties SET referred_by = (SELECT id FROM public.parties WHERE name = 'Zoé') WHERE name = '';
-- takes a tag and no order with it
DELETE FROM public.parties WHERE name = 'O''Brien';
INSERT INTO public.parties (name, referred_by) SELECT 'Barbara', id FROM public.parties WHERE name = 'Grace';
INSERT INTO public.orders SELECT 5, id, 5 FROM public.parties WHERE name = '';
UPDATE public.orders SET customer = NULL WHERE no = 4;
