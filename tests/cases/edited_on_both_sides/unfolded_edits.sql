-- what the target said only holds where the source still says the same
UPDATE public.notes SET private = 'longer' WHERE id = 10;
UPDATE public.notes SET kind = 'todo' WHERE id = 11;
UPDATE public.notes SET kind = 'idea' WHERE id = 12;
DELETE FROM public.notes WHERE id = 13;
INSERT INTO public.notes VALUES (13, 'd', NULL, 'p4'), (15, 'e', 'task', 'p5');
UPDATE public.all_notes SET pinned = false WHERE id = 14;
