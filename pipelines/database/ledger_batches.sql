-- Checkpoints: key ranges of a source, each done wholly or not at all.

-- add: one range that is to be done
INSERT INTO pgfold.batches (run, source_schema, source_name, number, from_key, to_key)
VALUES (%(run)s, %(schema)s, %(name)s, %(number)s, %(from_key)s, %(to_key)s)

-- take: a range that nobody has done or is at, held until the transaction ends
SELECT run, pg_catalog.jsonb_build_object('schema', source_schema, 'name', source_name) AS source, number, from_key,
    to_key, rows, done_at
FROM pgfold.batches
WHERE run = %(run)s AND done_at IS NULL
    AND (%(schema)s::text IS NULL OR (source_schema, source_name) = (%(schema)s::text, %(name)s::text))
ORDER BY source_schema, source_name, number
LIMIT 1
FOR UPDATE SKIP LOCKED

-- finish: a range is done
UPDATE pgfold.batches
SET rows = %(rows)s, done_at = %(at)s
WHERE run = %(run)s AND source_schema = %(schema)s AND source_name = %(name)s AND number = %(number)s
    AND done_at IS NULL

-- of_run: every range of a run, in order
SELECT run, pg_catalog.jsonb_build_object('schema', source_schema, 'name', source_name) AS source, number, from_key,
    to_key, rows, done_at
FROM pgfold.batches
WHERE run = %(run)s
ORDER BY source_schema, source_name, number

-- totals: how far each source of a run is
SELECT pg_catalog.jsonb_build_object('schema', source_schema, 'name', source_name) AS source,
    pg_catalog.count(*) AS batches,
    pg_catalog.count(done_at) AS done,
    COALESCE(pg_catalog.sum(rows) FILTER (WHERE done_at IS NOT NULL), 0)::bigint AS rows
FROM pgfold.batches
WHERE run = %(run)s
GROUP BY source_schema, source_name
ORDER BY source_schema, source_name
