-- what was skipped for bob, for cyd's email and for a NULL comes now; fay's email belongs to ann
DELETE FROM public.accounts WHERE id = 2;
UPDATE public.old_users SET email = 'Cyd@example.org' WHERE id = 11;
UPDATE public.old_users SET nick = 'eve' WHERE id = 14;
UPDATE public.accounts SET email = 'fay@example.org' WHERE id = 1;
