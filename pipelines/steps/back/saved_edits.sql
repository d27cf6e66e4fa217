-- changed: rows that say more than their source did at the cut-over, and rows that were born since
SELECT pg_catalog.jsonb_build_object('why', CASE WHEN {first} IS NULL THEN 'new' ELSE 'edited' END, 'table', {table}::text,
                                     'key', {key}, 'row', pg_catalog.jsonb_object({names}, ARRAY[{values}]::text[]))
FROM {map} m JOIN {target} t ON {there} LEFT JOIN {archived} s ON {mapped}
WHERE m.state IN ('mapped', 'born') AND ({first} IS NULL OR {says_more})

-- deleted: rows that come back though they were deleted
SELECT pg_catalog.jsonb_build_object('why', 'deleted', 'table', {table}::text, 'key', {key}) FROM {home} h
WHERE {fate} = 'deleted'

-- own: the target's own rows, for the columns that leave
SELECT pg_catalog.jsonb_build_object('why', 'column leaves', 'table', {table}::text, 'key', {key},
                                     'row', pg_catalog.jsonb_object({names}, ARRAY[{values}]::text[]))
FROM {target} t WHERE ({says_more}) AND NOT {going}

-- values_aside: by place in the target, those that were set aside
SELECT pg_catalog.jsonb_build_object('why', 'value set aside', 'table', {table}::text, 'key', {key}, 'row',
    (SELECT pg_catalog.jsonb_object_agg(v.name, v.value)
     FROM ROWS FROM (pg_catalog.unnest({names}), pg_catalog.unnest(ARRAY[{values}]::text[])) v(name, value)
     WHERE v.value IS NOT NULL))
FROM {home} h JOIN {target} t ON {same} WHERE {aside} <> '{{}}'

-- rows_aside: those of this run
SELECT pg_catalog.jsonb_build_object('why', a.reason, 'table', a.table_schema || '.' || a.table_name, 'row', a."row")
FROM pgfold.set_aside a WHERE a.run = {run} ORDER BY a.id
