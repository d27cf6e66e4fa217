UPDATE public.boxes SET name = 'TEN' WHERE id = 100;
UPDATE public.boxes SET id = 120 WHERE id = 110;
