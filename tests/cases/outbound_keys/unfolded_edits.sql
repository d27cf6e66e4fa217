UPDATE public.towns SET country = 'TR', run = 2 WHERE id = 12;
UPDATE public.countries SET name = 'Norge' WHERE code = 'NN';
