-- What reads a table from outside it (PostgreSQL manual 52.18, pg_depend). Objects of our own schemas are left out:
-- pgfold, and pgfold_... where archived tables and views lie.

-- dependents: all that pg_depend leads to from a table, its row type or its sequences, through views and functions
WITH RECURSIVE own AS (
    SELECT n.oid FROM pg_namespace n WHERE n.nspname ~ '^pgfold(_|$)'
), readers(root, classid, objid, subid) AS (
    SELECT c.oid, start.classid, start.objid, 0
    FROM pg_class c
    CROSS JOIN LATERAL (
        SELECT 'pg_class'::regclass::oid, c.oid
        UNION ALL
        SELECT 'pg_type'::regclass, t.oid FROM pg_type t
        WHERE t.oid = c.reltype OR t.oid = (SELECT r.typarray FROM pg_type r WHERE r.oid = c.reltype)
        UNION ALL
        SELECT 'pg_class'::regclass, d.objid FROM pg_depend d
        JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
    ) AS start(classid, objid)
    WHERE c.oid = ANY (%(tables)s::oid[])
    UNION
    SELECT r.root, found.classid, found.objid, found.subid
    FROM readers r
    JOIN pg_depend d ON d.refclassid = r.classid AND d.refobjid = r.objid AND r.subid = 0
    CROSS JOIN LATERAL (
        -- A view reads through its rule; who reads the view, or takes its row type, reads the table too.
        SELECT part.classid, part.objid, 0
        FROM pg_rewrite w
        JOIN pg_class v ON v.oid = w.ev_class
        CROSS JOIN LATERAL (
            VALUES ('pg_class'::regclass::oid, v.oid), ('pg_type'::regclass, v.reltype)
        ) AS part(classid, objid)
        WHERE d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid AND w.rulename = '_RETURN'
          AND v.relnamespace NOT IN (SELECT oid FROM own)
        UNION ALL
        SELECT d.classid, w.oid, 0 FROM pg_rewrite w
        WHERE d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid AND w.rulename <> '_RETURN'
        UNION ALL
        SELECT d.classid, p.oid, 0 FROM pg_proc p
        WHERE d.classid = 'pg_proc'::regclass AND p.oid = d.objid
          AND p.pronamespace NOT IN (SELECT oid FROM own)
        UNION ALL
        SELECT d.classid, d.objid, 0 WHERE d.classid = 'pg_policy'::regclass
        UNION ALL
        -- A column of the row type, or one whose default draws from a sequence or calls a function reached.
        SELECT d.classid, d.objid, d.objsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objsubid > 0 AND r.classid = 'pg_type'::regclass
        UNION ALL
        SELECT 'pg_class'::regclass, e.adrelid, e.adnum FROM pg_attrdef e
        WHERE d.classid = 'pg_attrdef'::regclass AND e.oid = d.objid
    ) AS found(classid, objid, subid)
), described AS (
    SELECT r.root, 'pg_rewrite'::regclass::oid AS classid, w.oid AS objid, v.oid AS relation,
        CASE v.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END AS kind,
        v.oid::regclass::text AS name, pg_get_viewdef(v.oid) AS definition
    FROM readers r
    JOIN pg_class v ON v.oid = r.objid AND v.relkind IN ('v', 'm')
    JOIN pg_rewrite w ON w.ev_class = v.oid AND w.rulename = '_RETURN'
    WHERE r.classid = 'pg_class'::regclass AND r.subid = 0
    UNION ALL
    SELECT r.root, r.classid, w.oid, w.ev_class, 'rule',
        format('%%I on %%s', w.rulename, w.ev_class::regclass), pg_get_ruledef(w.oid)
    FROM readers r JOIN pg_rewrite w ON w.oid = r.objid
    WHERE r.classid = 'pg_rewrite'::regclass
    UNION ALL
    SELECT r.root, r.classid, p.oid, NULL, 'function', p.oid::regprocedure::text,
        CASE WHEN p.prokind = 'a' THEN '' ELSE pg_get_functiondef(p.oid) END
    FROM readers r JOIN pg_proc p ON p.oid = r.objid
    WHERE r.classid = 'pg_proc'::regclass
    UNION ALL
    SELECT r.root, r.classid, p.oid, p.polrelid, 'policy',
        format('%%I on %%s', p.polname, p.polrelid::regclass),
        concat_ws(' ', 'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
                  'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
    FROM readers r JOIN pg_policy p ON p.oid = r.objid
    WHERE r.classid = 'pg_policy'::regclass
    UNION ALL
    SELECT r.root, 'pg_attrdef'::regclass, coalesce(e.oid, 0), a.attrelid, 'column',
        format('%%I of %%s', a.attname, a.attrelid::regclass),
        concat_ws(' DEFAULT ', format_type(a.atttypid, a.atttypmod), pg_get_expr(e.adbin, e.adrelid))
    FROM readers r
    JOIN pg_class t ON t.oid = r.objid AND t.relkind IN ('r', 'p', 'f', 'c')
    JOIN pg_attribute a ON a.attrelid = r.objid AND a.attnum = r.subid AND NOT a.attisdropped
    LEFT JOIN pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
    WHERE r.classid = 'pg_class'::regclass AND r.subid > 0
    UNION ALL
    SELECT pr.prrelid, 'pg_publication_rel'::regclass, pr.oid, NULL, 'publication', quote_ident(p.pubname),
        concat(format('ALTER PUBLICATION %%I ADD TABLE ONLY %%s', p.pubname, pr.prrelid::regclass), (
            SELECT format(' (%%s)', string_agg(quote_ident(a.attname), ', ' ORDER BY listed.place))
            FROM unnest(pr.prattrs) WITH ORDINALITY AS listed(number, place)
            JOIN pg_attribute a ON a.attrelid = pr.prrelid AND a.attnum = listed.number
            HAVING count(*) > 0
        ), ' WHERE ' || pg_get_expr(pr.prqual, pr.prrelid))
    FROM pg_publication_rel pr JOIN pg_publication p ON p.oid = pr.prpubid
    WHERE pr.prrelid = ANY (%(tables)s::oid[])
)
SELECT DISTINCT
    d.root AS table,
    d.kind,
    d.name,
    d.definition,
    CASE WHEN d.relation IS NOT NULL THEN ARRAY[n.nspname::text, c.relname::text] END AS relation,
    ARRAY(
        SELECT DISTINCT a.attname::text COLLATE "C"
        FROM pg_depend u JOIN pg_attribute a ON a.attrelid = u.refobjid AND a.attnum = u.refobjsubid AND a.attnum > 0
        WHERE u.classid = d.classid AND u.objid = d.objid AND d.objid <> 0
          AND u.refclassid = 'pg_class'::regclass AND u.refobjid = d.root
        ORDER BY 1
    ) AS columns
FROM described d
LEFT JOIN pg_class c ON c.oid = d.relation
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE d.relation IS DISTINCT FROM d.root 
  AND coalesce(c.relnamespace NOT IN (SELECT oid FROM own), true)

-- function_bodies: functions with a string body in which a name occurs at all, and the tables whose triggers they are
SELECT
    p.oid::regprocedure::text COLLATE "C" AS name,
    pg_get_functiondef(p.oid) AS definition,
    p.prosrc AS body,
    p.prorettype = 'trigger'::regtype AS is_trigger_function,
    ARRAY(SELECT DISTINCT t.tgrelid FROM pg_trigger t WHERE t.tgfoid = p.oid ORDER BY 1) AS tables
FROM pg_proc p
JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal')
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosqlbody IS NULL
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^(pgfold(_|$)|pg_temp_|pg_toast)'
  AND EXISTS (
      SELECT FROM unnest(%(names)s::text[]) AS name
      WHERE strpos(lower(replace(p.prosrc, '""', '"')), lower(name)) > 0)
  AND NOT EXISTS (
      SELECT FROM pg_depend e
      WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
ORDER BY 1
