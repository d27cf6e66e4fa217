UPDATE public.posts SET origin = 'shared', grade = 0.5, seen = NULL, flags = '{x}' WHERE id = 1;
UPDATE public.posts SET author = 'dee', token = NULL, flags = flags || '{more}', stamp = 'infinity' WHERE id = 10;
UPDATE public.posts SET grade = 4 WHERE id = 11;
DELETE FROM public.posts WHERE id = 2;
INSERT INTO public.posts (id, title, author, grade) VALUES (3, 'three', 'cyd', 10);
