DELETE FROM public.accounts WHERE id = 1;
INSERT INTO public.users VALUES (12, 'cyd');
