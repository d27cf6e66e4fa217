UPDATE public.bugs SET state = 'DONE' WHERE id = 10;
UPDATE public.bugs SET slug = 'free' WHERE id = 11;
