UPDATE public.files SET size_bytes = 2;
INSERT INTO public.conversions SELECT 1, id FROM public.files;
