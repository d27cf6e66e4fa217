-- Which relations a backup concerns, by oid.

-- tables: the named tables that are there, in the order given
SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name
FROM unnest(%(schemas)s::text[], %(names)s::text[]) WITH ORDINALITY AS w(schema, name, place)
JOIN pg_namespace n ON n.nspname = w.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p')
ORDER BY w.place

-- dependents: the views that read these tables, directly or through another view, with the tables that they read
WITH RECURSIVE readers(root, relation) AS (
    SELECT t.oid, coalesce(p.relid::oid, t.oid)
    FROM unnest(%(tables)s::oid[]) AS t(oid) LEFT JOIN LATERAL pg_partition_tree(t.oid) AS p ON true
    UNION
    SELECT r.root, w.ev_class
    FROM readers r
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.relation
        AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite w ON w.oid = d.objid AND w.rulename = '_RETURN' AND w.ev_class <> r.relation
)
SELECT v.oid, n.nspname::text AS schema, v.relname::text AS name, array_agg(DISTINCT r.root) AS roots
FROM readers r
JOIN pg_class v ON v.oid = r.relation AND v.relkind IN ('v', 'm')
JOIN pg_namespace n ON n.oid = v.relnamespace
GROUP BY v.oid, n.nspname, v.relname
ORDER BY v.oid

-- partitions: the leaves and branches under these tables
SELECT t.oid AS root, p.relid::oid AS oid, n.nspname::text AS schema, c.relname::text AS name
FROM unnest(%(tables)s::oid[]) AS t(oid)
CROSS JOIN LATERAL pg_partition_tree(t.oid) AS p
JOIN pg_class c ON c.oid = p.relid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.relid <> t.oid

-- owned: each object that belongs to one of these relations, and that relation; foreign keys with what they reference
WITH relations AS (SELECT unnest(%(relations)s::oid[]) AS oid)
SELECT o.class_oid::oid, o.oid, o.relation, o.schema::text, o.name::text,
    rn.nspname::text AS needs_schema, r.relname::text AS needs_name
FROM (
    SELECT 'pg_class'::regclass AS class_oid, c.oid, r.oid AS relation, n.nspname AS schema, c.relname AS name,
        0::oid AS needs
    FROM relations r
    CROSS JOIN LATERAL (
        SELECT r.oid
        UNION
        SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = r.oid
        UNION
        SELECT d.objid FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = r.oid
          AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
    ) AS part(oid)
    JOIN pg_class c ON c.oid = part.oid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    UNION ALL
    SELECT 'pg_constraint'::regclass, k.oid, k.conrelid, n.nspname, k.conname, k.confrelid
    FROM relations r JOIN pg_constraint k ON k.conrelid = r.oid JOIN pg_namespace n ON n.oid = k.connamespace
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, s.oid, s.stxrelid, n.nspname, s.stxname, 0
    FROM relations r JOIN pg_statistic_ext s ON s.stxrelid = r.oid JOIN pg_namespace n ON n.oid = s.stxnamespace
    UNION ALL
    SELECT 'pg_trigger'::regclass, t.oid, t.tgrelid, '', t.tgname, 0
    FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid
    UNION ALL
    SELECT 'pg_policy'::regclass, p.oid, p.polrelid, '', p.polname, 0
    FROM relations r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT 'pg_attrdef'::regclass, a.oid, a.adrelid, '', '', 0
    FROM relations r JOIN pg_attrdef a ON a.adrelid = r.oid
    UNION ALL
    SELECT 'pg_rewrite'::regclass, w.oid, w.ev_class, '', w.rulename, 0
    FROM relations r JOIN pg_rewrite w ON w.ev_class = r.oid
) AS o
LEFT JOIN pg_class r ON r.oid = o.needs
LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace

-- sequences: the sequences that the tables' columns own
SELECT DISTINCT d.refobjid AS relation, n.nspname::text AS schema, s.relname::text AS name
FROM pg_depend d
JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
JOIN pg_namespace n ON n.oid = s.relnamespace
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
  AND d.refobjid = ANY (%(tables)s) AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
ORDER BY 2, 3

