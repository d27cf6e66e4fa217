-- only the target has it
UPDATE public.all_notes SET pinned = true WHERE id IN (10, 12, 13);
-- many to one: another value goes home as the first listed; the same one is no edit
UPDATE public.all_notes SET kind = 'work' WHERE id IN (11, 12);
-- edited and edited back
UPDATE public.all_notes SET body = 'x' WHERE id = 13;
UPDATE public.all_notes SET body = 'd' WHERE id = 13;
INSERT INTO public.all_notes VALUES (14, 'born here', 'work', true, 2);
-- a column that somebody adds: what rows of the source have there is kept for them
ALTER TABLE public.all_notes ADD COLUMN colour text DEFAULT 'grey';
UPDATE public.all_notes SET colour = 'red' WHERE id IN (1, 10);
