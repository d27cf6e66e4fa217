UPDATE public.rotas SET stand_in = 10, nobody = NULL;
DELETE FROM public.rotas WHERE id IN (3, 4);
DELETE FROM public.temps WHERE no = 12;
