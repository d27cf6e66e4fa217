UPDATE public.persons SET town = 'bergen' WHERE id = 11;
UPDATE public.persons SET tags = '{c}' WHERE id = 10;
UPDATE public.persons SET first = 'Bee' WHERE id = 13;
