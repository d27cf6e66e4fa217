DROP INDEX public.by_kind;
DROP VIEW public.wheeled;
ALTER TABLE public.cars RENAME TO carts;
