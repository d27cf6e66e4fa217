UPDATE public.accounts SET name = 'Ann' WHERE id = 10;
INSERT INTO public.visits VALUES (11, '2026-02-02');
