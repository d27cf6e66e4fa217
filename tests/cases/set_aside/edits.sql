UPDATE public.issues SET status = 'verified', title = 'TEN' WHERE id = 10;
UPDATE public.issues SET title = 'longer than ten characters', points = 5 WHERE id = 11;
UPDATE public.issues SET points = 2.5 WHERE id = 12;
UPDATE public.issues SET points = 100, slug = 'ten' WHERE id = 13;
-- a comment on a row that goes home, and a vote for one that stays
INSERT INTO public.comments VALUES (2, 12, 'on one that came');
INSERT INTO public.votes VALUES (1, 'cyd');
-- no title, which the target must have again
INSERT INTO public.issues VALUES (2, 'open', NULL, 0, NULL);
INSERT INTO public.comments VALUES (3, 2, 'on one without title');
