CREATE INDEX by_kind ON public.assets (kind, name);
CREATE VIEW public.wheeled AS SELECT id, wheels FROM public.assets WHERE wheels > 0;
CREATE TABLE public.cars (id text);
CREATE INDEX by_name ON public.assets (name);
UPDATE public.assets SET wheels = 5 WHERE id = 10;
