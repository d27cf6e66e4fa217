-- the next ones are none of those that came
INSERT INTO public.parcels (note) SELECT 'own ' || n FROM generate_series(1, 4) n;
UPDATE public.parcels SET id = 20 WHERE note = 'six';
