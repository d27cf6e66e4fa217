-- Who may do what: owners, grants on tables and columns, row security, and default privileges that would give it all away.
DO $$ DECLARE wanted text; BEGIN
    FOREACH wanted IN ARRAY ARRAY['case_reader', 'case_writer', 'case_owner', 'case "odd" role'] LOOP
        IF to_regrole(quote_ident(wanted)) IS NULL THEN EXECUTE format('CREATE ROLE %I', wanted); END IF;
    END LOOP;
END $$;
-- what a new table would get
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO case_reader;

CREATE TABLE public.papers (id integer PRIMARY KEY, title text, secret text, owner text);
REVOKE ALL ON public.papers FROM PUBLIC;
GRANT SELECT (id, title) ON public.papers TO case_reader;
GRANT SELECT, INSERT, UPDATE (title) ON public.papers TO case_writer WITH GRANT OPTION;
ALTER TABLE public.papers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.papers FOR SELECT TO case_reader USING (owner = current_user);
INSERT INTO public.papers VALUES (1, 'own', 's', 'case_reader');

CREATE TABLE public.memos (no serial PRIMARY KEY, subject text, hidden text, by_whom text);
REVOKE ALL ON public.memos FROM PUBLIC;
REVOKE ALL ON SEQUENCE public.memos_no_seq FROM PUBLIC;
GRANT SELECT (no, subject), REFERENCES (no) ON public.memos TO case_reader;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER ON public.memos TO case_writer WITH GRANT OPTION;
GRANT UPDATE (hidden) ON public.memos TO "case ""odd"" role";
GRANT USAGE ON SEQUENCE public.memos_no_seq TO case_writer;
ALTER TABLE public.memos OWNER TO case_owner;
ALTER TABLE public.memos ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON public.memos FOR SELECT TO case_reader USING (by_whom = current_user);
CREATE POLICY "no, really" ON public.memos AS RESTRICTIVE FOR UPDATE TO PUBLIC USING (false) WITH CHECK (hidden IS NULL);
COMMENT ON POLICY own ON public.memos IS 'only one''s own';
SELECT setval('public.memos_no_seq', 9);
INSERT INTO public.memos (subject, hidden, by_whom) VALUES ('a', 'x', 'case_reader'), ('b', NULL, 'somebody');

CREATE TABLE public.copies (memo integer REFERENCES public.memos ON DELETE CASCADE, n integer);
REVOKE ALL ON public.copies FROM PUBLIC;
GRANT SELECT (memo) ON public.copies TO case_reader;
INSERT INTO public.copies VALUES (10, 1);
