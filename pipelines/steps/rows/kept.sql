-- create_kept: what the target said that the source cannot, until the next fold
CREATE TABLE IF NOT EXISTS {table} (
    {columns},
    forwards jsonb NOT NULL DEFAULT '{{}}',
    kept jsonb NOT NULL DEFAULT '{{}}',
    PRIMARY KEY ({key})
)

-- put_path: a value at a path, its parents made where they are missing or no objects; nothing where it is absent
CREATE OR REPLACE FUNCTION pgfold.put_path(document jsonb, path text[], value jsonb, absent boolean) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = '' AS $pgfold$
    SELECT CASE
        WHEN absent THEN document
        WHEN pg_catalog.cardinality(path) = 1 THEN
            (CASE WHEN pg_catalog.jsonb_typeof(document) = 'object' THEN document ELSE '{{}}' END)
            || pg_catalog.jsonb_build_object(path[1], value)
        ELSE
            (CASE WHEN pg_catalog.jsonb_typeof(document) = 'object' THEN document ELSE '{{}}' END)
            || pg_catalog.jsonb_build_object(path[1], pgfold.put_path(document -> path[1], path[2:], value, false))
    END
$pgfold$

-- put_back_own: the target's own rows get what they had in columns that were away
UPDATE {target} t SET {changes} FROM {kept} o WHERE {same}
