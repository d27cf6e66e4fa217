UPDATE public.tags SET code = 'a' WHERE code = 'b';
INSERT INTO public.tags VALUES ('b', 'as new');
