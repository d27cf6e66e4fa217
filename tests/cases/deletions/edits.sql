DELETE FROM public.everything WHERE id BETWEEN 10 AND 22;
-- the same row, although it was deleted
INSERT INTO public.everything VALUES (10, 'thing 10'), (11, 'another one');
-- the target's own
INSERT INTO public.everything VALUES (40, 'thing 12');
