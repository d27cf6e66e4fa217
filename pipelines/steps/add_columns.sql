-- add_check: not yet validated, so that no row is read under the lock; a rerun finds it there
DO $pgfold$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                   WHERE conrelid = {table_literal}::pg_catalog.regclass AND conname = {name_literal}) THEN
        ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({check}) NOT VALID;
    END IF;
END $pgfold$
