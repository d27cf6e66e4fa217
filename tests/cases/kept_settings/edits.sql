UPDATE public.logs SET what = 'A', body = NULL WHERE id = 10;
COMMENT ON TABLE public.logs IS 'everything';
