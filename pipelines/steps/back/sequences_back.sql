-- note: a sequence, and the rows with values that it will give only later
SELECT q.last_value, q.is_called, b.rows, b.total
FROM {relation} q CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS rows, COALESCE(pg_catalog.sum({column}), 0)::text AS total FROM {table}
    WHERE {column} {beyond} q.last_value OR (NOT q.is_called AND {column} = q.last_value)
) b

-- set_back: under a lock that lets no row in which has drawn a value
LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE;
SELECT pg_catalog.setval({sequence}::pg_catalog.regclass, {last_value}, {is_called})
FROM {relation} q CROSS JOIN (
    SELECT pg_catalog.count(*) AS rows, COALESCE(pg_catalog.sum({column}), 0)::text AS total FROM {table}
    WHERE {column} {beyond} {last_value} OR (NOT {is_called} AND {column} = {last_value})
) b
WHERE {undisturbed} AND (b.rows = 0 OR (b.rows = {rows} AND b.total = {total}))

-- pass_edits: as a fold does for the target
SELECT pg_catalog.setval({sequence}::pg_catalog.regclass, g.greatest)
FROM (SELECT pg_catalog.max({column})::bigint AS greatest FROM {home} h WHERE {written}) g, {relation} q
WHERE g.greatest > q.last_value OR (g.greatest = q.last_value AND NOT q.is_called)
