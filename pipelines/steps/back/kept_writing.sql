-- without_path: a document without the value at a path; what is no object has no paths
CREATE OR REPLACE FUNCTION pgfold.without_path(document jsonb, path text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = '' AS $pgfold$
    SELECT CASE
        WHEN pg_catalog.jsonb_typeof(document) IS DISTINCT FROM 'object' THEN document
        WHEN pg_catalog.cardinality(path) = 1 THEN document - path[1]
        WHEN NOT document ? path[1] THEN document
        ELSE document || pg_catalog.jsonb_build_object(path[1], pgfold.without_path(document -> path[1], path[2:]))
    END
$pgfold$

-- keep: one row for each target row that says more than its source row does
INSERT INTO {table} ({columns}, forwards, kept)
SELECT {key}, {forwards}, {kept}
FROM {map} m JOIN {archived} s ON {mapped} JOIN {target} t ON {there}
WHERE m.state IN ('mapped', 'born') AND {among} AND {any}

-- keep_own: an older value stays where the column has its default again, or where it may only have been drawn since
INSERT INTO {table} AS o ({columns}, kept)
SELECT {key}, {kept} FROM {target} t WHERE {any}
ON CONFLICT ({conflict}) DO UPDATE SET kept = o.kept || EXCLUDED.kept || (o.kept - {others})
