UPDATE public.alerts SET state = 'SEEN', stars = '*****' WHERE id = 10;
UPDATE public.alerts SET region = 'asia', colour = 'true' WHERE id = 11;
