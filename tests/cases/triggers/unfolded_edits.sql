UPDATE public.crates SET name = 'twelve' WHERE id = 12;
DELETE FROM public.crates WHERE id = 10;
