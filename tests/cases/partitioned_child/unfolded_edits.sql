UPDATE public.readings SET at = '2025-12-31' WHERE at = '2030-01-01';
DELETE FROM public.robots WHERE id = 2;
