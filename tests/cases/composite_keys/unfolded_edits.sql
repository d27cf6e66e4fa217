UPDATE public.old_lines SET number = 3 WHERE company = 'c';
INSERT INTO public.old_lines VALUES (1, 'c', 0, 3);
DELETE FROM public.old_lines WHERE (company, number) = ('b', 2);
