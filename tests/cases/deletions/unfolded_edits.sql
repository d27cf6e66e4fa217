INSERT INTO public.things VALUES (12, 'again', NULL), (30, 'thirty', 'x');
DELETE FROM public.everything WHERE id = 40;
DELETE FROM public.things WHERE id IN (10, 25);
