UPDATE public.memos SET hidden = NULL WHERE no = 11;
REVOKE DELETE ON public.papers FROM case_reader;
GRANT INSERT (subject) ON public.memos TO case_reader;
