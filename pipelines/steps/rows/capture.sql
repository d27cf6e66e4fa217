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

-- capture_state: whether both triggers always fire, what they are, and in which file the rows are
SELECT pg_catalog.count(*) FILTER (WHERE t.tgenabled = 'A') = 2,
       COALESCE(pg_catalog.string_agg(pg_catalog.concat_ws(':', t.oid, t.xmin), ' ' ORDER BY t.oid), ''),
       pg_catalog.pg_relation_filenode({table}::pg_catalog.regclass)::bigint
FROM pg_catalog.pg_trigger t
WHERE t.tgrelid = {table}::pg_catalog.regclass AND t.tgname IN ({trigger}, {truncate_trigger})
