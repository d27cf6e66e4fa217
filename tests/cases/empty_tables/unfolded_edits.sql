INSERT INTO public.few (name) VALUES ('first'), (NULL);
INSERT INTO public.parts VALUES (2), (NULL);
