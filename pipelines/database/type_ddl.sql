-- The types of saved tables as DDL, in the form of table_ddl.sql's pieces.

-- types: the types of the columns that are no built-in ones, those that they are made of first
WITH RECURSIVE tree(root, oid, depth) AS (
    SELECT a.attrelid, a.atttypid, 0
    FROM pg_attribute a WHERE a.attrelid = ANY (%(tables)s) AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT tree.root, part.oid, tree.depth + 1
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
        UNION ALL
        SELECT r.rngtypid FROM pg_range r WHERE t.oid = r.rngmultitypid
    ) AS part(oid)
), made AS (
    SELECT t.oid, t.typname, t.typnamespace, t.typtype, t.typowner, t.typacl, t.typrelid, max(tree.depth) AS depth,
        array_agg(DISTINCT tree.root) AS roots,
        (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
         WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
           AND d.refclassid = 'pg_extension'::regclass) AS extension
    FROM tree
    JOIN pg_type t ON t.oid = tree.oid
    WHERE t.typnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    GROUP BY t.oid
), described AS (
    SELECT m.*, n.nspname,
        format('%%I.%%I', n.nspname, m.typname) AS quoted,
        CASE
            WHEN m.extension IS NOT NULL THEN (
                SELECT format('CREATE EXTENSION %%I WITH SCHEMA %%I', e.extname, en.nspname)
                FROM pg_extension e JOIN pg_namespace en ON en.oid = e.extnamespace
                WHERE e.extname = m.extension)
            WHEN m.typtype = 'e' THEN (
                SELECT format('CREATE TYPE %%I.%%I AS ENUM (%%s)', n.nspname, m.typname,
                    string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder))
                FROM pg_enum e WHERE e.enumtypid = m.oid)
            WHEN m.typtype = 'd' THEN (
                SELECT format('CREATE DOMAIN %%I.%%I AS %%s', n.nspname, m.typname,
                    format_type(t.typbasetype, t.typtypmod))
                    || CASE WHEN t.typcollation <> base.typcollation THEN format(' COLLATE %%I.%%I',
                        (SELECT cn.nspname FROM pg_namespace cn WHERE cn.oid = c.collnamespace), c.collname) ELSE '' END
                    || coalesce(' DEFAULT ' || pg_get_expr(t.typdefaultbin, 0), '')
                    || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END
                    || coalesce((
                        SELECT string_agg(format('; ALTER DOMAIN %%I.%%I ADD CONSTRAINT %%I %%s', n.nspname, m.typname,
                            k.conname, pg_get_constraintdef(k.oid)), '' ORDER BY k.conname)
                        FROM pg_constraint k WHERE k.contypid = m.oid AND k.contype = 'c'), '')
                FROM pg_type t
                JOIN pg_type base ON base.oid = t.typbasetype
                LEFT JOIN pg_collation c ON c.oid = t.typcollation
                WHERE t.oid = m.oid)
            WHEN m.typtype = 'c' AND (SELECT c.relkind FROM pg_class c WHERE c.oid = m.typrelid) = 'c' THEN (
                SELECT format('CREATE TYPE %%I.%%I AS (%%s)', n.nspname, m.typname, string_agg(
                    format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod))
                    || CASE WHEN a.attcollation <> t.typcollation THEN format(' COLLATE %%I.%%I',
                        (SELECT cn.nspname FROM pg_namespace cn WHERE cn.oid = c.collnamespace), c.collname) ELSE '' END,
                    ', ' ORDER BY a.attnum))
                FROM pg_attribute a
                JOIN pg_type t ON t.oid = a.atttypid
                LEFT JOIN pg_collation c ON c.oid = a.attcollation
                WHERE a.attrelid = m.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
            WHEN m.typtype = 'r' THEN (
                SELECT format('CREATE TYPE %%I.%%I AS RANGE (SUBTYPE = %%s, SUBTYPE_OPCLASS = %%I.%%I', n.nspname,
                    m.typname, format_type(r.rngsubtype, NULL), opn.nspname, op.opcname)
                    || CASE WHEN r.rngcollation <> 0 THEN format(', COLLATION = %%I.%%I',
                        (SELECT cn.nspname FROM pg_namespace cn WHERE cn.oid = c.collnamespace), c.collname) ELSE '' END
                    || CASE WHEN r.rngsubdiff <> 0 THEN format(', SUBTYPE_DIFF = %%s', r.rngsubdiff::regproc) ELSE '' END
                    || format(', MULTIRANGE_TYPE_NAME = %%I.%%I)', mn.nspname, mt.typname)
                FROM pg_range r
                JOIN pg_opclass op ON op.oid = r.rngsubopc
                JOIN pg_namespace opn ON opn.oid = op.opcnamespace
                JOIN pg_type mt ON mt.oid = r.rngmultitypid
                JOIN pg_namespace mn ON mn.oid = mt.typnamespace
                LEFT JOIN pg_collation c ON c.oid = r.rngcollation
                WHERE r.rngtypid = m.oid AND r.rngcanonical = 0)
        END AS definition
    FROM made m
    JOIN pg_namespace n ON n.oid = m.typnamespace
)
SELECT
    CASE WHEN d.extension IS NULL THEN 'TYPE' ELSE 'EXTENSION' END AS kind,
    d.nspname::text AS schema, d.typname::text AS name, NULL::oid AS relation, d.roots,
    format('pg_catalog.to_regtype(%%L) IS NULL', d.quoted) AS condition,
    CASE WHEN d.extension IS NOT NULL THEN d.definition ELSE concat_ws('; ',
        format('CREATE SCHEMA IF NOT EXISTS %%I', d.nspname),
        d.definition,
        format('ALTER TYPE %%s OWNER TO %%I', d.quoted, pg_get_userbyid(d.typowner)),
        'COMMENT ON TYPE ' || d.quoted || ' IS ' || quote_literal(obj_description(d.oid, 'pg_type')),
        CASE WHEN d.typacl IS NOT NULL THEN format('REVOKE ALL ON TYPE %%s FROM PUBLIC', d.quoted) END,
        (SELECT string_agg(format('GRANT %%s ON TYPE %%s TO %%s%%s', a.privilege_type, d.quoted,
                CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '; ')
         FROM aclexplode(d.typacl) AS a))
    END AS text
FROM described d
WHERE d.definition IS NOT NULL
ORDER BY d.depth DESC, d.quoted
