-- create: appended to by the triggers, read once under the lock
CREATE TABLE IF NOT EXISTS {table} ({columns})

-- row_function: old and new key; SECURITY DEFINER, or the application's own write would fail
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $pgfold$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO {changed} VALUES ({old});
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO {changed} VALUES ({new});
    END IF;
    RETURN NULL;
END $pgfold$

-- truncate_function: every row is gone, and no row trigger says so
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $pgfold$
BEGIN
    INSERT INTO {changed} DEFAULT VALUES;
    RETURN NULL;
END $pgfold$

-- trigger: always fires, also for a session in the replica role
DO $pgfold$ BEGIN
    CREATE OR REPLACE TRIGGER {trigger} {when} EXECUTE FUNCTION {function}();
    ALTER TABLE {target} ENABLE ALWAYS TRIGGER {trigger};
END $pgfold$
