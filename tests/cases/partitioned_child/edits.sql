INSERT INTO public.readings VALUES ('2026-08-08', 'r3', 4), ('2030-01-01', 'r2', 5);
DELETE FROM public.machines WHERE id = 'r1';
UPDATE public.readings SET robot = 'r3' WHERE at = '2030-01-01';
