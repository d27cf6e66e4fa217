UPDATE public.drafts SET title = 'TEN' WHERE id = 10;
UPDATE public.posts SET title = 'ONE' WHERE id = 1;
INSERT INTO public.posts (id, title, author, stamp) VALUES (4, 'four', 'eve', '2026-01-04');
