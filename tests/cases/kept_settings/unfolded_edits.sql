UPDATE public.events SET what = 'bb' WHERE id = 11;
