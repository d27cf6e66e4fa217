UPDATE public.types SET bx = NULL, f8 = '-Infinity' WHERE id = 10;
