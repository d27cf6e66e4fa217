-- What makes tables whole again beside pg_dump's words: pieces of DDL as rows (kind, schema, name, relation, roots,
-- condition, text). `text` is without its last semicolon, and run only where `condition` holds, when there is one.
-- %(tables)s are the saved tables' oids, %(saved)s those with their partitions, %(views)s the views that read them.
-- Run with an empty search_path.

-- schemas: the schemas of the tables and of the types that are made again
SELECT 'SCHEMA' AS kind, n.nspname::text AS schema, n.nspname::text AS name, NULL::oid AS relation,
    array_agg(c.oid) AS roots,
    format('NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = %%L)', n.nspname) AS condition,
    concat_ws('; ',
        format('CREATE SCHEMA %%I AUTHORIZATION %%I', n.nspname, pg_get_userbyid(n.nspowner)),
        format('COMMENT ON SCHEMA %%I IS ', n.nspname) || quote_literal(obj_description(n.oid, 'pg_namespace')),
        (SELECT string_agg(format('GRANT %%s ON SCHEMA %%s TO %%s%%s', a.privilege_type, quote_ident(n.nspname),
                CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '; ')
         FROM aclexplode(n.nspacl) AS a)) AS text
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%(tables)s)
GROUP BY n.oid
ORDER BY n.nspname

-- functions: the functions that the tables call, from triggers, defaults, constraints, policies and indexes
SELECT DISTINCT ON (p.oid)
    'FUNCTION' AS kind, n.nspname::text AS schema, p.proname::text AS name, NULL::oid AS relation,
    array_agg(o.relation) OVER (PARTITION BY p.oid) AS roots,
    format('pg_catalog.to_regprocedure(%%L) IS NULL', p.oid::regprocedure) AS condition,
    concat_ws('; ', rtrim(pg_get_functiondef(p.oid), E'\n'),
        format('ALTER ROUTINE %%s OWNER TO %%I', p.oid::regprocedure, pg_get_userbyid(p.proowner)),
        format('COMMENT ON ROUTINE %%s IS ', p.oid::regprocedure) || quote_literal(obj_description(p.oid, 'pg_proc')),
        CASE WHEN p.proacl IS NOT NULL THEN format('REVOKE ALL ON ROUTINE %%s FROM PUBLIC', p.oid::regprocedure) END,
        (SELECT string_agg(format('GRANT %%s ON ROUTINE %%s TO %%s%%s', a.privilege_type, p.oid::regprocedure,
                CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '; ')
         FROM aclexplode(p.proacl) AS a)) AS text
FROM (
    SELECT 'pg_trigger'::regclass AS class_oid, t.oid, t.tgrelid AS relation FROM pg_trigger t
    UNION ALL SELECT 'pg_attrdef'::regclass, a.oid, a.adrelid FROM pg_attrdef a
    UNION ALL SELECT 'pg_constraint'::regclass, k.oid, k.conrelid FROM pg_constraint k
    UNION ALL SELECT 'pg_policy'::regclass, y.oid, y.polrelid FROM pg_policy y
    UNION ALL SELECT 'pg_class'::regclass, i.indexrelid, i.indrelid FROM pg_index i
) AS o
JOIN pg_depend d ON d.classid = o.class_oid AND d.objid = o.oid AND d.refclassid = 'pg_proc'::regclass
JOIN pg_proc p ON p.oid = d.refobjid AND p.prokind = 'f'
JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal')
JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema')
WHERE o.relation = ANY (%(tables)s)
  AND NOT EXISTS (SELECT FROM pg_depend e
                  WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
  -- One that takes a table's rows can only be made after it: a reader, below.
  AND NOT EXISTS (SELECT FROM pg_depend u JOIN pg_class c ON c.oid = ANY (%(tables)s)
                  WHERE u.classid = 'pg_proc'::regclass AND u.objid = p.oid
                    AND ((u.refclassid = 'pg_class'::regclass AND u.refobjid = c.oid)
                      OR (u.refclassid = 'pg_type'::regclass AND u.refobjid = c.reltype)))
ORDER BY p.oid

-- unowned_sequences: the sequences that defaults draw from and no column owns
SELECT 'SEQUENCE' AS kind, n.nspname::text AS schema, s.relname::text AS name, NULL::oid AS relation,
    array_agg(DISTINCT a.adrelid) AS roots,
    format('pg_catalog.to_regclass(%%L) IS NULL', s.oid::regclass) AS condition,
    concat_ws('; ',
        format('CREATE SEQUENCE %%s AS %%s INCREMENT %%s MINVALUE %%s MAXVALUE %%s START %%s CACHE %%s%%s', s.oid::regclass,
            format_type(q.seqtypid, NULL), q.seqincrement, q.seqmin, q.seqmax, q.seqstart, q.seqcache,
            CASE WHEN q.seqcycle THEN ' CYCLE' ELSE '' END),
        format('ALTER SEQUENCE %%s OWNER TO %%I', s.oid::regclass, pg_get_userbyid(s.relowner)),
        format('SELECT pg_catalog.setval(%%L, %%s)', s.oid::regclass, pg_sequence_last_value(s.oid))) AS text
FROM pg_attrdef a
JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
JOIN pg_sequence q ON q.seqrelid = s.oid
JOIN pg_namespace n ON n.oid = s.relnamespace
WHERE a.adrelid = ANY (%(tables)s)
  AND NOT EXISTS (SELECT FROM pg_depend o
                  WHERE o.classid = 'pg_class'::regclass AND o.objid = s.oid AND o.refclassid = 'pg_class'::regclass
                    AND o.refobjsubid > 0 AND o.deptype IN ('a', 'i'))
GROUP BY s.oid, s.relname, s.relowner, n.nspname, q.seqrelid, q.seqtypid, q.seqincrement, q.seqmin, q.seqmax,
    q.seqstart, q.seqcache, q.seqcycle
ORDER BY 2, 3

-- readers: the functions with a parsed body that read these tables or views, or take their rows
SELECT
    'READER' AS kind, n.nspname::text AS schema, p.proname::text AS name, NULL::oid AS relation,
    ARRAY(SELECT c.oid FROM unnest(read.relations) AS c(oid) WHERE c.oid = ANY (%(tables)s)) AS roots,
    format('pg_catalog.to_regprocedure(%%L) IS NULL', p.oid::regprocedure) || (
        SELECT string_agg(format(' AND pg_catalog.to_regclass(%%L) IS NOT NULL', c.oid::regclass), '' ORDER BY c.oid)
        FROM unnest(read.relations) AS c(oid)) AS condition,
    concat_ws('; ', rtrim(pg_get_functiondef(p.oid), E'\n'),
        format('ALTER ROUTINE %%s OWNER TO %%I', p.oid::regprocedure, pg_get_userbyid(p.proowner)),
        format('COMMENT ON ROUTINE %%s IS ', p.oid::regprocedure) || quote_literal(obj_description(p.oid, 'pg_proc')),
        CASE WHEN p.proacl IS NOT NULL THEN format('REVOKE ALL ON ROUTINE %%s FROM PUBLIC', p.oid::regprocedure) END,
        (SELECT string_agg(format('GRANT %%s ON ROUTINE %%s TO %%s%%s', a.privilege_type, p.oid::regprocedure,
                CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '; ')
         FROM aclexplode(p.proacl) AS a)) AS text
FROM (
    SELECT d.objid AS function, array_agg(DISTINCT c.oid) AS relations
    FROM pg_class c
    JOIN pg_depend d ON d.classid = 'pg_proc'::regclass
        AND ((d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid)
          OR (d.refclassid = 'pg_type'::regclass AND d.refobjid = c.reltype))
    WHERE c.oid = ANY (%(tables)s::oid[] || %(views)s::oid[])
    GROUP BY d.objid
) AS read
JOIN pg_proc p ON p.oid = read.function AND p.prokind IN ('f', 'p')
JOIN pg_namespace n ON n.oid = p.pronamespace
ORDER BY p.oid

-- inbound: the foreign keys to these tables of tables that are not saved with them
SELECT 'INBOUND FOREIGN KEY' AS kind, n.nspname::text AS schema, k.conname::text AS name, NULL::oid AS relation,
    ARRAY[k.confrelid] AS roots,
    format('pg_catalog.to_regclass(%%L) IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint'
           ' WHERE conrelid = pg_catalog.to_regclass(%%L) AND conname = %%L)',
           k.conrelid::regclass, k.conrelid::regclass, k.conname) AS condition,
    concat_ws('; ',
        format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)),
        format('COMMENT ON CONSTRAINT %%I ON %%s IS ', k.conname, k.conrelid::regclass)
            || quote_literal(obj_description(k.oid, 'pg_constraint'))) AS text
FROM pg_constraint k
JOIN pg_namespace n ON n.oid = k.connamespace
WHERE k.contype = 'f' AND k.confrelid = ANY (%(tables)s) AND NOT k.conrelid = ANY (%(saved)s)
  -- A copy that a partition has of its root's key comes with the root's.
  AND k.conparentid = 0
ORDER BY 2, 3, k.oid

-- policies: the policies of other tables that read these
SELECT DISTINCT ON (p.oid)
    'POLICY ELSEWHERE' AS kind, n.nspname::text AS schema, p.polname::text AS name, NULL::oid AS relation,
    array_agg(d.refobjid) OVER (PARTITION BY p.oid) AS roots,
    format('pg_catalog.to_regclass(%%L) IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy'
           ' WHERE polrelid = pg_catalog.to_regclass(%%L) AND polname = %%L)',
           p.polrelid::regclass, p.polrelid::regclass, p.polname) AS condition,
    concat_ws('; ',
        concat_ws(' ', format('CREATE POLICY %%I ON %%s AS %%s FOR %%s TO %%s', p.polname, p.polrelid::regclass,
            CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
            CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                ELSE 'ALL' END,
            (SELECT string_agg(CASE WHEN role = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', ')
             FROM unnest(p.polroles) AS role)),
            'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
            'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'),
        format('COMMENT ON POLICY %%I ON %%s IS ', p.polname, p.polrelid::regclass)
            || quote_literal(obj_description(p.oid, 'pg_policy'))) AS text
FROM pg_depend d
JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
JOIN pg_class c ON c.oid = p.polrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (%(tables)s) AND NOT p.polrelid = ANY (%(saved)s)
ORDER BY p.oid

-- publications: which publications name these tables, with which columns and rows
SELECT 'PUBLICATION' AS kind, n.nspname::text AS schema, p.pubname::text AS name, NULL::oid AS relation,
    ARRAY[r.prrelid] AS roots,
    format('EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = %%L) AND NOT EXISTS (SELECT FROM'
           ' pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid'
           ' WHERE p.pubname = %%L AND r.prrelid = pg_catalog.to_regclass(%%L))',
           p.pubname, p.pubname, r.prrelid::regclass) AS condition,
    concat(
        format('ALTER PUBLICATION %%I ADD TABLE ONLY %%s', p.pubname, r.prrelid::regclass),
        (SELECT format(' (%%s)', string_agg(quote_ident(a.attname), ', ' ORDER BY listed.place))
         FROM unnest(r.prattrs) WITH ORDINALITY AS listed(number, place)
         JOIN pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = listed.number
         HAVING count(*) > 0),
        ' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')') AS text
FROM pg_publication_rel r
JOIN pg_publication p ON p.oid = r.prpubid
JOIN pg_class c ON c.oid = r.prrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.prrelid = ANY (%(tables)s)
ORDER BY p.pubname, c.relname

-- statistics: the extended statistics of these tables; they follow their table under another name
SELECT 'STATISTICS' AS kind, n.nspname::text AS schema, s.stxname::text AS name, s.stxrelid AS relation,
    ARRAY[s.stxrelid] AS roots, NULL AS condition,
    concat_ws('; ',
        pg_get_statisticsobjdef(s.oid),
        format('ALTER STATISTICS %%I.%%I OWNER TO %%I', n.nspname, s.stxname, pg_get_userbyid(s.stxowner)),
        format('ALTER STATISTICS %%I.%%I SET STATISTICS ', n.nspname, s.stxname) || nullif(s.stxstattarget::int, -1),
        format('COMMENT ON STATISTICS %%I.%%I IS ', n.nspname, s.stxname)
            || quote_literal(obj_description(s.oid, 'pg_statistic_ext'))) AS text
FROM pg_statistic_ext s
JOIN pg_namespace n ON n.oid = s.stxnamespace
WHERE s.stxrelid = ANY (%(tables)s)
ORDER BY s.oid

-- filled_views: the materialized views that held rows
SELECT 'REFRESH' AS kind, n.nspname::text AS schema, v.relname::text AS name, v.oid AS relation,
    ARRAY[]::oid[] AS roots, NULL AS condition,
    format('REFRESH MATERIALIZED VIEW %%s', v.oid::regclass) AS text
FROM pg_class v
JOIN pg_namespace n ON n.oid = v.relnamespace
WHERE v.oid = ANY (%(views)s) AND v.relkind = 'm' AND v.relispopulated
ORDER BY v.oid
