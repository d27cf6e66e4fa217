UPDATE public.places SET run = 3 WHERE id = 12;
UPDATE public.places SET country = 'FR' WHERE id = 11;
UPDATE public.countries SET code = 'NN' WHERE code = 'NO';
DELETE FROM public.runs WHERE id = 1;
