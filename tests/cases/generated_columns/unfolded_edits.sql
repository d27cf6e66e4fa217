INSERT INTO public.wares (title, price) VALUES ('Next', 4);
UPDATE public.wares SET price = 9 WHERE title = 'Ink';
INSERT INTO public.stock (ware, shelf) VALUES (10, 'c');
