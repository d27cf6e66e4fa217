-- only_read: one state of everything, and nothing of the application's is touched
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY

-- count: rows in the row map, and those that differ
SELECT (SELECT pg_catalog.count(*) FROM {map} m WHERE m.state IN ('mapped', 'born')),
       pg_catalog.count(*) FILTER (WHERE {fate} = 'edited' AND {written}),
       pg_catalog.count(*) FILTER (WHERE {fate} = 'deleted'), pg_catalog.count(*) FILTER (WHERE {fate} = 'born')
FROM {home} h

-- edited: rows by edited column
SELECT c.name, pg_catalog.count(*) FROM {home} h CROSS JOIN LATERAL pg_catalog.unnest({edited}) c(name)
WHERE {fate} = 'edited' AND NOT c.name = ANY ({aside}) GROUP BY c.name ORDER BY 2 DESC, 1

-- tables_aside: those of rows that are set aside; a partition's rows count for its root
SELECT DISTINCT n.nspname::text, c.relname::text
FROM (SELECT DISTINCT relation FROM {found} WHERE aside AND place IS NOT NULL) f
CROSS JOIN LATERAL (SELECT COALESCE(pg_catalog.pg_partition_root(f.relation)::oid, f.relation) AS oid) r
JOIN pg_catalog.pg_class c ON c.oid = r.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
