UPDATE public.narrow SET letters = NULL, ratio = 1e38, words = '{z}' WHERE id = 11;
UPDATE public.narrow SET id = 2147483647 WHERE id = 12;
