-- Reading tables from the catalog. Every block serves all tables at once: %(tables)s are their oids. Names in an
-- array keep the catalog's spelling; every text that is SQL comes from the server's own deparser. Ordering by a
-- column of type name is by bytes, so that two databases give the same order.

-- settings: fix, until the transaction ends, what the server's definitions and their constants look like
SELECT set_config(name, value, true)
FROM (VALUES
    ('search_path', ''), ('quote_all_identifiers', 'off'), ('TimeZone', 'UTC'), ('DateStyle', 'ISO, MDY'),
    ('IntervalStyle', 'postgres'), ('bytea_output', 'hex'), ('extra_float_digits', '3'), ('jit', 'off'),
    ('lock_timeout', CASE current_setting('lock_timeout') WHEN '0' THEN '10s'
                     ELSE current_setting('lock_timeout') END)
) AS fixed(name, value)

-- scope: the named tables, the foreign keys to them with the tables that have those, and the tables they reference
WITH RECURSIVE named AS (
    SELECT c.oid
    FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS w(schema, name)
    JOIN pg_namespace n ON n.nspname = w.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
), climb AS (
    -- A key of a partition is a copy of its root's key and climbs to another table: left out. A key to a partition,
    -- made for a key to its root, climbs within the table that declares it: kept.
    SELECT k.oid AS id, k.conrelid, k.conparentid
    FROM pg_constraint k
    WHERE k.contype = 'f' AND k.confrelid IN (SELECT oid FROM named)
    UNION ALL
    SELECT climb.id, climb.conrelid, k.conparentid
    FROM climb
    JOIN pg_constraint k ON k.oid = climb.conparentid AND k.conrelid = climb.conrelid
)
SELECT 'named' AS part, oid FROM named
UNION
SELECT 'inbound', id FROM climb WHERE conparentid = 0
UNION
SELECT 'child', conrelid FROM climb WHERE conparentid = 0
UNION
SELECT 'parent', k.confrelid
FROM named
JOIN pg_constraint k ON k.conrelid = named.oid AND k.contype = 'f'
WHERE NOT EXISTS (SELECT FROM pg_constraint up WHERE up.oid = k.conparentid AND up.conrelid = k.conrelid)

-- relations: each relation as a whole; rows and bytes of a partitioned one are those of its leaves together
SELECT
    c.oid,
    n.nspname::text AS schema,
    c.relname::text AS name,
    c.relkind::text AS kind,
    pg_get_userbyid(c.relowner)::text AS owner,
    c.relrowsecurity AS row_security,
    c.relforcerowsecurity AS force_row_security,
    c.relreplident::text AS replica_identity,
    c.relpersistence::text AS persistence,
    c.relispartition AS is_partition,
    ARRAY(
        SELECT ARRAY[pn.nspname::text, p.relname::text]
        FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
        WHERE i.inhrelid = c.oid ORDER BY i.inhseqno
    ) AS parents,
    ARRAY(
        SELECT ARRAY[kn.nspname::text, k.relname::text]
        FROM pg_inherits i JOIN pg_class k ON k.oid = i.inhrelid JOIN pg_namespace kn ON kn.oid = k.relnamespace
        WHERE i.inhparent = c.oid ORDER BY kn.nspname, k.relname
    ) AS heirs,
    ARRAY(
        SELECT a.attname::text
        FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.objid AND a.attnum = d.objsubid
        WHERE c.relkind = 'p' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid > 0
          AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = 0 AND d.deptype = 'i'
        ORDER BY array_position((SELECT p.partattrs::int2[] FROM pg_partitioned_table p WHERE p.partrelid = c.oid),
                                a.attnum), a.attnum
    ) AS partition_key,
    size.estimated_rows::bigint,
    size.bytes::bigint AS size_bytes,
    obj_description(c.oid, 'pg_class') AS comment,
    ARRAY(
        SELECT pg_get_ruledef(w.oid) FROM pg_rewrite w
        WHERE w.ev_class = c.oid AND w.rulename <> '_RETURN' ORDER BY w.rulename
    ) AS rules
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    -- As the planner does, rows a page when last analyzed times the pages there are now; else the counted ones.
    SELECT
        coalesce(sum(CASE WHEN leaf.relpages > 0 AND leaf.reltuples >= 0
            THEN leaf.reltuples / leaf.relpages * (pg_relation_size(leaf.oid) / current_setting('block_size')::int)
            ELSE pg_stat_get_live_tuples(leaf.oid) END), 0) AS estimated_rows,
        coalesce(sum(pg_total_relation_size(leaf.oid)), 0) AS bytes
    FROM (SELECT c.oid AS relid UNION SELECT part.relid FROM pg_partition_tree(c.oid) AS part) AS line
    JOIN pg_class leaf ON leaf.oid = line.relid AND leaf.relkind IN ('r', 'm')
) AS size
WHERE c.oid = ANY (%(tables)s::oid[])
ORDER BY n.nspname, c.relname

-- columns: each column that is still there, with the tree of its default or generation expression
SELECT
    a.attrelid AS relation,
    a.attname::text AS name,
    a.attnum::int AS position,
    a.atttypid AS type,
    format_type(a.atttypid, a.atttypmod) AS type_sql,
    a.attnotnull AS not_null,
    k.conname::text AS not_null_constraint,
    coalesce(k.convalidated, true) AS not_null_validated,
    pg_get_expr(d.adbin, d.adrelid) AS expression,
    d.adbin::text AS tree,
    a.attgenerated::text AS generated,
    ARRAY(
        SELECT DISTINCT g.attname::text COLLATE "C"
        FROM regexp_matches(d.adbin::text, ':varattno (\d+)', 'g') AS read(number)
        JOIN pg_attribute g ON g.attrelid = a.attrelid AND g.attnum = read.number[1]::int AND g.attnum > 0
        WHERE a.attgenerated <> ''
        ORDER BY 1
    ) AS generated_from,
    a.attidentity::text AS identity,
    CASE WHEN a.attcollation <> t.typcollation
         THEN quote_ident(cn.nspname) || '.' || quote_ident(co.collname) END AS collation,
    col_description(a.attrelid, a.attnum) AS comment,
    coalesce((
        SELECT ARRAY[sn.nspname::text, s.relname::text]
        FROM pg_depend p
        JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S' JOIN pg_namespace sn ON sn.oid = s.relnamespace
        WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
        ORDER BY p.refobjid LIMIT 1
    ), (
        SELECT ARRAY[sn.nspname::text, s.relname::text]
        FROM pg_depend p
        JOIN pg_class s ON s.oid = p.objid AND s.relkind = 'S' JOIN pg_namespace sn ON sn.oid = s.relnamespace
        WHERE a.attidentity <> '' AND p.refclassid = 'pg_class'::regclass AND p.refobjid = a.attrelid
          AND p.refobjsubid = a.attnum AND p.classid = 'pg_class'::regclass AND p.deptype = 'i'
    )) AS sequence
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]
WHERE a.attrelid = ANY (%(tables)s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum

-- types: the columns' types and all that they are made of: domain bases, elements, fields and subtypes
WITH RECURSIVE tree(oid) AS (
    SELECT unnest(%(types)s::oid[])
    UNION
    SELECT part.oid
    FROM tree
    JOIN pg_type t ON t.oid = tree.oid
    CROSS JOIN LATERAL (
        SELECT t.typbasetype WHERE t.typtype = 'd'
        UNION ALL
        SELECT t.typelem WHERE t.typsubscript = 'array_subscript_handler'::regproc
        UNION ALL
        SELECT a.atttypid FROM pg_attribute a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT r.rngsubtype FROM pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
    ) AS part(oid)
)
SELECT
    t.oid,
    format_type(t.oid, -1) AS sql,
    t.typcategory::text AS category,
    t.typtype::text AS kind,
    t.typbasetype AS base,
    CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS base_sql,
    CASE WHEN t.typsubscript = 'array_subscript_handler'::regproc THEN t.typelem ELSE 0::oid END AS element,
    ARRAY(
        SELECT a.atttypid FROM pg_attribute a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum
    ) AS fields,
    coalesce(r.rngsubtype, 0::oid) AS subtype,
    ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels,
    EXISTS (
        SELECT FROM pg_cast c WHERE c.castsource = t.oid AND c.casttarget IN ('json'::regtype, 'jsonb'::regtype)
    ) AS casts_to_json,
    t.typtype IN ('e', 'r', 'm') OR EXISTS (
        SELECT FROM pg_opclass o
        JOIN pg_am m ON m.oid = o.opcmethod AND m.amname IN ('btree', 'hash')
        WHERE o.opcdefault AND (o.opcintype = t.oid OR o.opcintype IN (
            SELECT c.casttarget FROM pg_cast c
            WHERE c.castsource = t.oid AND c.castmethod = 'b' AND c.castcontext = 'i'))
    ) AS has_equality,
    ARRAY(
        SELECT pg_get_expr(k.conbin, 0) FROM pg_constraint k
        WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.conname
    ) AS checks,
    t.typnotnull AS not_null,
    CASE WHEN t.typtype = 'd' THEN pg_get_expr(t.typdefaultbin, 0) END AS default_sql
FROM tree
JOIN pg_type t ON t.oid = tree.oid
LEFT JOIN pg_range r ON t.oid IN (r.rngtypid, r.rngmultitypid)

-- type_oid: the type that a text names
SELECT to_regtype(%(text)s)::oid

-- declaration: a type with its modifier, as a column would declare it
SELECT format_type(%(oid)s::oid, %(modifier)s::int)

-- constraints: those of the tables, and the inbound keys; is_copy: leads to a partition, made for a key to its root
SELECT
    k.oid,
    k.conrelid AS relation,
    ARRAY[n.nspname::text, c.relname::text] AS table_name,
    k.conname::text AS name,
    k.contype::text AS kind,
    ARRAY(
        SELECT a.attname::text
        FROM unnest(k.conkey) WITH ORDINALITY AS key(number, place)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.number
        ORDER BY key.place
    ) AS columns,
    pg_get_constraintdef(k.oid) AS definition,
    k.convalidated AS validated,
    coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true) AS enforced,
    k.condeferrable AS deferrable,
    k.condeferred AS deferred,
    k.conparentid <> 0 OR k.coninhcount > 0 AND k.contype = 'c' AS inherited,
    CASE WHEN k.contype = 'f' THEN ARRAY[rn.nspname::text, r.relname::text] END AS referenced,
    ARRAY(
        SELECT a.attname::text
        FROM unnest(k.confkey) WITH ORDINALITY AS key(number, place)
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = key.number
        ORDER BY key.place
    ) AS referenced_columns,
    k.confdeltype::text AS on_delete,
    ARRAY(
        SELECT a.attname::text
        FROM unnest(k.confdelsetcols) WITH ORDINALITY AS key(number, place)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.number
        ORDER BY key.place
    ) AS on_delete_columns,
    k.confupdtype::text AS on_update,
    k.confmatchtype = 'f' AS match_full,
    obj_description(k.oid, 'pg_constraint') AS comment,
    CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END AS expression,
    ARRAY(
        SELECT quote_ident(opn.nspname) || '.' || o.oprname
        FROM unnest(k.conexclop) WITH ORDINALITY AS key(operator, place)
        JOIN pg_operator o ON o.oid = key.operator
        JOIN pg_namespace opn ON opn.oid = o.oprnamespace
        ORDER BY key.place
    ) AS operators,
    coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false) AS temporal,
    copy.is_copy
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class r ON r.oid = k.confrelid
LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM pg_constraint up WHERE up.oid = k.conparentid AND up.conrelid = k.conrelid) AS is_copy
) AS copy
WHERE k.contype IN ('p', 'u', 'c', 'f', 'x')
  AND (k.oid = ANY (%(inbound)s::oid[]) OR k.conrelid = ANY (%(tables)s::oid[]) AND NOT copy.is_copy)
ORDER BY n.nspname, c.relname, k.conname, rn.nspname, r.relname

-- indexes: each index with its keys as SQL; the names of its constraint and of what its expressions read
SELECT
    i.indrelid AS relation,
    x.relname::text AS name,
    pg_get_indexdef(i.indexrelid) AS definition,
    ARRAY(
        SELECT pg_get_indexdef(i.indexrelid, place, false) FROM generate_series(1, i.indnkeyatts) AS place ORDER BY place
    ) AS keys,
    ARRAY(
        SELECT a.attname::text
        FROM generate_series(0, i.indnkeyatts - 1) AS place
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[place] AND a.attnum <> 0
        ORDER BY place
    ) AS columns,
    i.indisunique AS "unique",
    i.indisprimary AS "primary",
    i.indisvalid AS valid,
    i.indnullsnotdistinct AS nulls_not_distinct,
    pg_get_expr(i.indpred, i.indrelid) AS predicate,
    k.conname::text AS "constraint",
    i.indimmediate AS immediate,
    i.indisreplident AS replica_identity,
    ARRAY(
        SELECT DISTINCT a.attname::text COLLATE "C"
        FROM regexp_matches(concat(i.indexprs, i.indpred), ':varattno (\d+)', 'g') AS read(number)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = read.number[1]::int AND a.attnum > 0
        ORDER BY 1
    ) AS expression_columns,
    obj_description(i.indexrelid, 'pg_class') AS comment
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
LEFT JOIN pg_constraint k
    ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
WHERE i.indrelid = ANY (%(tables)s::oid[])
ORDER BY i.indrelid, x.relname

-- triggers: the users' own, those that are disabled too
SELECT
    t.tgrelid AS relation,
    t.tgname::text AS name,
    pg_get_triggerdef(t.oid) AS definition,
    t.tgenabled::text AS enabled,
    t.tgfoid::regproc::text AS function,
    obj_description(t.oid, 'pg_trigger') AS comment,
    ARRAY(
        SELECT DISTINCT a.attname::text COLLATE "C"
        FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
        WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
          AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.tgrelid
        ORDER BY 1
    ) AS columns,
    t.tgparentid <> 0 AS inherited
FROM pg_trigger t
WHERE t.tgrelid = ANY (%(tables)s::oid[]) AND NOT t.tgisinternal
ORDER BY t.tgrelid, t.tgname

-- policies: the row security policies
SELECT
    p.polrelid AS relation,
    p.polname::text AS name,
    p.polcmd::text AS command,
    p.polpermissive AS permissive,
    ARRAY(
        SELECT CASE role WHEN 0 THEN 'public' ELSE pg_get_userbyid(role)::text END COLLATE "C"
        FROM unnest(p.polroles) AS role ORDER BY 1
    ) AS roles,
    pg_get_expr(p.polqual, p.polrelid) AS "using",
    pg_get_expr(p.polwithcheck, p.polrelid) AS "check",
    ARRAY(
        SELECT DISTINCT a.attname::text COLLATE "C"
        FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
        WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid
          AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.polrelid
        ORDER BY 1
    ) AS columns
FROM pg_policy p
WHERE p.polrelid = ANY (%(tables)s::oid[])
ORDER BY p.polrelid, p.polname

-- grants: who may do what, the owner and what is granted by default included; column is null for the whole table
SELECT
    acl.relation,
    acl."column" COLLATE "C" AS "column",
    CASE acl.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(acl.grantee)::text END COLLATE "C" AS grantee,
    acl.privilege COLLATE "C" AS privilege,
    bool_or(acl.grantable) AS grantable
FROM (
    SELECT c.oid, NULL::text, a.grantee, a.privilege_type, a.is_grantable
    FROM pg_class c
    CROSS JOIN LATERAL aclexplode(coalesce(
        c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) AS a
    WHERE c.oid = ANY (%(tables)s::oid[])
    UNION ALL
    SELECT t.attrelid, t.attname::text, a.grantee, a.privilege_type, a.is_grantable
    FROM pg_attribute t
    CROSS JOIN LATERAL aclexplode(t.attacl) AS a
    WHERE t.attrelid = ANY (%(tables)s::oid[]) AND NOT t.attisdropped
) AS acl(relation, "column", grantee, privilege, grantable)
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2 NULLS FIRST, 3, 4

-- sequences: those that belong to a column, or to none and its default draws from; a position is read only where the role may
SELECT
    a.attrelid AS relation,
    ARRAY[n.nspname::text, s.relname::text] AS name,
    a.attname::text AS "column",
    found.deptype = 'i' AS identity,
    q.seqincrement AS increment,
    found.deptype <> 'n' AS owned,
    has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(s.oid, 'SELECT') AS readable
FROM (
    SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS number, d.deptype
    FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.refobjid = ANY (%(tables)s::oid[]) AND d.deptype IN ('a', 'i')
    UNION ALL
    SELECT d.refobjid, e.adrelid, e.adnum, d.deptype
    FROM pg_attrdef e
    JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid
        AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'n'
    WHERE e.adrelid = ANY (%(tables)s::oid[])
      AND NOT EXISTS (SELECT FROM pg_depend o
                      WHERE o.classid = 'pg_class'::regclass AND o.objid = d.refobjid
                        AND o.refclassid = 'pg_class'::regclass AND o.refobjsubid > 0 AND o.deptype IN ('a', 'i'))
) found
JOIN pg_class s ON s.oid = found.sequence AND s.relkind = 'S'
JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_sequence q ON q.seqrelid = s.oid
JOIN pg_attribute a ON a.attrelid = found.relation AND a.attnum = found.number
ORDER BY a.attrelid, a.attnum, s.relname

-- publications: every publication that ships a table's rows, by itself, by its schema or by a partition's root
SELECT c.oid AS relation, p.pubname::text AS name, p.pubupdate AS updates, p.pubdelete AS deletes
FROM pg_class c
CROSS JOIN LATERAL (
    SELECT c.oid AS relid UNION SELECT a.relid FROM pg_partition_ancestors(c.oid) AS a
) AS line
JOIN pg_class shipped ON shipped.oid = line.relid
CROSS JOIN pg_publication p
WHERE c.oid = ANY (%(tables)s::oid[]) AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND (
    p.puballtables
    OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = shipped.oid)
    OR EXISTS (SELECT FROM pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = shipped.relnamespace))
GROUP BY c.oid, p.pubname, p.pubupdate, p.pubdelete
ORDER BY c.oid, p.pubname

-- functions: how volatile functions are, and a digest that changes when one of ours is redefined
SELECT
    p.oid,
    p.oid::regprocedure::text COLLATE "C" AS name,
    p.provolatile::text AS volatility,
    CASE WHEN p.pronamespace = 'pg_catalog'::regnamespace THEN '' ELSE md5(concat_ws(
        chr(10), p.prosrc, p.probin, p.prosqlbody::text, p.prolang::text, p.proconfig::text)) END AS digest
FROM pg_proc p
WHERE p.oid = ANY (%(functions)s::oid[])
ORDER BY 2
