INSERT INTO public.many (name) VALUES ('own');
