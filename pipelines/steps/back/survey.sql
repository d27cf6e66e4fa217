-- column_dependents: everything but the column's own default and constraints of ours
SELECT a.attname::text, pg_catalog.pg_describe_object(d.classid, d.objid, 0)
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = {table}::pg_catalog.regclass
  AND a.attname = ANY ({columns})
  AND NOT (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
           AND EXISTS (SELECT FROM pg_catalog.pg_attrdef f
                       WHERE f.oid = d.objid AND f.adrelid = a.attrelid AND f.adnum = a.attnum))
  AND NOT (d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
           AND EXISTS (SELECT FROM pg_catalog.pg_constraint k
                       WHERE k.oid = d.objid AND (k.contype = 'n' OR k.conname = ANY ({ours}))))
  AND NOT (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = a.attrelid)
ORDER BY 1, 2

-- names_taken: relations and types of the names of the archived table, its indexes and its sequences
WITH moving AS (
    SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = {archived}::pg_catalog.regclass
    UNION
    SELECT c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = {archived}::pg_catalog.regclass
    UNION
    SELECT c.relname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S'
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = {archived}::pg_catalog.regclass
), home AS (
    SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = {schema}
)
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index'
            WHEN 'I' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type'
            ELSE 'table' END, c.relname::text
FROM pg_catalog.pg_class c JOIN home ON home.oid = c.relnamespace JOIN moving ON moving.relname = c.relname
UNION ALL
SELECT 'type', t.typname::text
FROM pg_catalog.pg_type t JOIN home ON home.oid = t.typnamespace
JOIN pg_catalog.pg_class c ON c.oid = {archived}::pg_catalog.regclass AND c.relname = t.typname
WHERE t.typrelid = 0 AND t.typelem = 0
ORDER BY 1, 2

-- redefined: the digest is that of introspection.sql, block functions
SELECT f.name, p.oid IS NULL
FROM ROWS FROM (pg_catalog.unnest({names}), pg_catalog.unnest({digests})) f(name, digest)
LEFT JOIN pg_catalog.pg_proc p ON p.oid = pg_catalog.to_regprocedure(f.name)
WHERE p.oid IS NULL OR f.digest <> pg_catalog.md5(pg_catalog.concat_ws(
    pg_catalog.chr(10), p.prosrc, p.probin, p.prosqlbody::text, p.prolang::text, p.proconfig::text))
ORDER BY 1

-- followed: how many of these triggers always fire
SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger
WHERE tgrelid = {table}::pg_catalog.regclass AND tgname = ANY ({names}) AND tgenabled = 'A'
