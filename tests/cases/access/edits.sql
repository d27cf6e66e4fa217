UPDATE public.papers SET title = 'B', secret = 'y' WHERE id = 11;
GRANT DELETE ON public.papers TO case_reader;
-- default privileges open nothing of what pgfold keeps of these rows
SET ROLE case_reader;
DO $$ BEGIN
    PERFORM FROM pgfold.runs;
    RAISE 'case_reader reads what pgfold keeps';
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $$;
RESET ROLE;
