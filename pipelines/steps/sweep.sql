-- sweep_written: since mapping began, and not what was staged; age() compares numbers across their wrap-around
INSERT INTO {changed} SELECT {source_key} FROM {source} s{joins} JOIN {staged} g ON {same_staged}
WHERE pg_catalog.age(s.xmin) <= pg_catalog.age({since}::pg_catalog.xid) AND {unchanged} AND {differ}

-- sweep_unmapped: in the source, but with no home
INSERT INTO {changed} SELECT {source_key} FROM {source} s
WHERE NOT EXISTS (SELECT FROM {map} m WHERE {same} AND m.state <> 'gone')

-- sweep_deleted: mapped, but no longer in the source
INSERT INTO {changed} SELECT {map_key} FROM {map} m
WHERE m.state IN ('mapped', 'skipped') AND NOT EXISTS (SELECT FROM {source} s WHERE {same})
