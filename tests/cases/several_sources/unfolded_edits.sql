UPDATE public.wishes SET votes = 5, doc = '[ ]' WHERE wish_no = 200;
UPDATE public.spam SET score = NULL WHERE id = 300;
INSERT INTO public.links VALUES (101, 201);
