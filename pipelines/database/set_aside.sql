-- Rows that could not go home, kept until the next fold.

-- add: keep one row
INSERT INTO pgfold.set_aside (fold, run, table_schema, table_name, "row", reason, set_aside_at)
VALUES (%(fold)s, %(run)s, %(schema)s, %(name)s, %(row)s, %(reason)s, %(at)s)

-- of_fold: the rows of a fold that are still set aside, in the order they came, or with those put back too
SELECT id, fold, run, pg_catalog.jsonb_build_object('schema', table_schema, 'name', table_name) AS "table", "row",
    reason, set_aside_at, put_back_at
FROM pgfold.set_aside
WHERE fold = %(fold)s AND (%(put_back_too)s OR put_back_at IS NULL)
ORDER BY id

-- put_back: these rows are back in their tables
UPDATE pgfold.set_aside SET put_back_at = %(at)s WHERE id = ANY (%(ids)s::bigint[]) AND put_back_at IS NULL
