UPDATE public.pages SET title = 'said' WHERE id IN (12, 14);
UPDATE public.pages SET attributes = '{}' WHERE id = 11;
