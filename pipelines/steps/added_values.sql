-- next_end: the key at which the next batch ends
SELECT {key_text} FROM {target} t WHERE {rows} ORDER BY {key} OFFSET {before} LIMIT 1

-- fill: the default, drawn for each row that has no value yet
UPDATE {target} t SET {values} WHERE {rows} AND {empty}

-- require_from_now: not yet validated, so that no row is read under the lock; a rerun finds it there
DO $pgfold$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                   WHERE conrelid = {table_literal}::pg_catalog.regclass AND conname = {name_literal}) THEN
        ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID;
    END IF;
END $pgfold$
