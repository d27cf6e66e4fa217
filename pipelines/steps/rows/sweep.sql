-- sweep_written: since mapping began, and not what was staged; age() compares numbers across their wrap-around
INSERT INTO {changed} SELECT {source_key} FROM {source} s{joins} JOIN {staged} g ON {same_staged}
WHERE pg_catalog.age(s.xmin) <= pg_catalog.age({since}::pg_catalog.xid) AND {unchanged} AND {differ}

-- sweep_unmapped: in the source, but with no home
INSERT INTO {changed} SELECT {source_key} FROM {source} s
WHERE NOT EXISTS (SELECT FROM {map} m WHERE {same} AND m.state <> 'gone')

-- sweep_deleted: mapped, but no longer in the source
INSERT INTO {changed} SELECT {map_key} FROM {map} m
WHERE m.state IN ('mapped', 'skipped') AND NOT EXISTS (SELECT FROM {source} s WHERE {same})

-- swept: archived rows without a home, and rows of the target that stand as the cut-over wrote them and are not as the
-- archive says; those that its last pass wrote, under the lock, and those edited since bear another transaction's number
SELECT pg_catalog.count(*),
       (pg_catalog.array_agg({key}) FILTER (WHERE m.state IS NULL OR m.state = 'gone'))[1:{limit}],
       (pg_catalog.array_agg({key}) FILTER (WHERE m.state = 'mapped' AND t.xmin = {xid}::pg_catalog.xid AND {differ}))[1:{limit}]
FROM {pairs}

-- unswept: rows of the map that stand in the target as the cut-over wrote them, and that the archive does not have
SELECT {key} FROM {map} m JOIN {target} t ON {home}
WHERE m.state = 'mapped' AND t.xmin = {xid}::pg_catalog.xid AND NOT EXISTS (SELECT FROM {archived} s WHERE {same})
LIMIT {limit}
