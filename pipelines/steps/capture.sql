-- capture_function: writes the old and the new key; SECURITY DEFINER, or the application's own write would fail
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $pgfold$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO {changed} VALUES ({old});
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND ROW({new}) IS DISTINCT FROM ROW({old})) THEN
        INSERT INTO {changed} VALUES ({new});
    END IF;
    RETURN NULL;
END $pgfold$

-- truncate_function: TRUNCATE fires no row trigger, so it is refused while changes are captured
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $pgfold$
BEGIN
    RAISE EXCEPTION USING MESSAGE = {message}, ERRCODE = 'object_in_use';
END $pgfold$

-- capture_state: a disabled trigger or a rewritten table means that writes may have escaped
SELECT COALESCE((SELECT tgenabled = 'A' FROM pg_catalog.pg_trigger
                 WHERE tgrelid = {table}::pg_catalog.regclass AND tgname = {trigger}), false),
       pg_catalog.pg_relation_filenode({table}::pg_catalog.regclass)::bigint
