INSERT INTO public.letters (note) VALUES ('after twenty');
INSERT INTO public.tracked (letter) VALUES (20);
