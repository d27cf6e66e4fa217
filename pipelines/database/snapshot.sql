-- What a snapshot of tables needs.

-- columns: the tables' names and columns as they are now; a table without columns has one row of NULLs
SELECT c.oid, n.nspname::text, c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
    a.attgenerated <> ''
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid = ANY (%(tables)s)
ORDER BY c.oid, a.attnum

-- middle: the text of the value in the middle of a column, as last analyzed; no row where nobody knows
SELECT s.bounds[1 + cardinality(s.bounds) / 2]
FROM (
    SELECT histogram_bounds::text::text[] AS bounds
    FROM pg_stats
    WHERE schemaname = %(schema)s AND tablename = %(table)s AND attname = %(column)s AND NOT inherited
) AS s
WHERE cardinality(s.bounds) > 2
