-- Triggers of target, source and child, in every state of firing, stay silent for pgfold, and as they were for everybody else.
CREATE TABLE public.log (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, line text);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.log (line) VALUES (concat_ws(' ', TG_OP, TG_TABLE_NAME, TG_NAME));
    RETURN NULL;
END $$;
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.touched := NEW.touched + 1;
    RETURN NEW;
END $$;
CREATE FUNCTION public.never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'never'; END $$;

CREATE TABLE public.boxes (id integer PRIMARY KEY, name text, touched integer NOT NULL DEFAULT 0);
INSERT INTO public.boxes VALUES (1, 'own');
CREATE TRIGGER a_touch BEFORE UPDATE ON public.boxes FOR EACH ROW EXECUTE FUNCTION public.touch();
CREATE TRIGGER b_note AFTER INSERT OR UPDATE OR DELETE ON public.boxes FOR EACH ROW EXECUTE FUNCTION public.note();
CREATE TRIGGER c_always AFTER INSERT OR UPDATE OR DELETE ON public.boxes FOR EACH STATEMENT EXECUTE FUNCTION public.note();
CREATE TRIGGER d_never BEFORE INSERT OR DELETE ON public.boxes FOR EACH ROW EXECUTE FUNCTION public.never();
CREATE TRIGGER e_replica AFTER INSERT OR DELETE ON public.boxes FOR EACH ROW EXECUTE FUNCTION public.note();
ALTER TABLE public.boxes ENABLE ALWAYS TRIGGER c_always, DISABLE TRIGGER d_never, ENABLE REPLICA TRIGGER e_replica;

CREATE TABLE public.crates (id integer PRIMARY KEY, name text, touched integer NOT NULL DEFAULT 0);
INSERT INTO public.crates VALUES (10, 'ten', 5), (11, 'eleven', 0);
CREATE TRIGGER a_touch BEFORE UPDATE ON public.crates FOR EACH ROW EXECUTE FUNCTION public.touch();
CREATE TRIGGER b_note AFTER INSERT OR UPDATE OF name OR DELETE ON public.crates FOR EACH ROW EXECUTE FUNCTION public.note();
CREATE TRIGGER c_always BEFORE INSERT OR UPDATE OR DELETE ON public.crates FOR EACH STATEMENT EXECUTE FUNCTION public.note();
CREATE TRIGGER d_never BEFORE UPDATE ON public.crates FOR EACH ROW EXECUTE FUNCTION public.never();
CREATE TRIGGER e_replica AFTER UPDATE ON public.crates FOR EACH ROW EXECUTE FUNCTION public.note();
ALTER TABLE public.crates ENABLE ALWAYS TRIGGER c_always, DISABLE TRIGGER d_never, ENABLE REPLICA TRIGGER e_replica;
COMMENT ON TRIGGER d_never ON public.crates IS 'asleep';

CREATE TABLE public.contents (crate integer REFERENCES public.crates ON DELETE CASCADE ON UPDATE CASCADE, what text);
INSERT INTO public.contents VALUES (10, 'apples'), (11, 'pears');
CREATE CONSTRAINT TRIGGER a_later AFTER INSERT OR UPDATE OR DELETE ON public.contents DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.note();
CREATE TRIGGER b_always AFTER UPDATE OR DELETE ON public.contents FOR EACH ROW EXECUTE FUNCTION public.note();
ALTER TABLE public.contents ENABLE ALWAYS TRIGGER b_always;
