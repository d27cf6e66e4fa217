-- takes its shift along
DELETE FROM public.staff WHERE id = 1;
UPDATE public.rotas SET stand_in = NULL WHERE id = 1;
UPDATE public.staff SET id = 20 WHERE id = 11;
UPDATE public.staff SET badge = 'D2' WHERE id = 12;
INSERT INTO public.rotas VALUES (4, 20, NULL, 'D2', 20);
