UPDATE public.accounts SET nick = 'Fay' WHERE id = 21;
UPDATE public.accounts SET nick = 'Cyd' WHERE id = 11;
UPDATE public.accounts SET nick = 'Ann' WHERE id = 1;
