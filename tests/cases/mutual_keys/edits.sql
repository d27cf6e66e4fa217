-- ann's team is 'some', whose lead is ann: keys of the target lead home
UPDATE public.nodes SET head = (SELECT id FROM public.nodes WHERE name = 'some') WHERE name = 'Ann';
UPDATE public.nodes SET head = (SELECT id FROM public.nodes WHERE name = 'Ann') WHERE name = 'some';
UPDATE public.nodes SET parent = (SELECT id FROM public.nodes WHERE name = 'Ann') WHERE name = 'Cyd';
DELETE FROM public.nodes WHERE name = 'none';
INSERT INTO public.nodes (name, parent) VALUES ('another own child', 1);
