-- inbound_keys: as the catalog has them now; a partition's copies climb to its root and are left out
SELECT k.conname::text, n.nspname::text, c.relname::text,
    ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u(number, place)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place),
    ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u(number, place)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place),
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_constraint p
          CROSS JOIN LATERAL pg_catalog.unnest(p.conkey) WITH ORDINALITY u(number, place)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = p.conrelid AND a.attnum = u.number
          WHERE p.conrelid = k.conrelid AND p.contype = 'p' ORDER BY u.place)
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.confrelid = {table}::pg_catalog.regclass AND k.conparentid = 0
ORDER BY n.nspname, c.relname, k.conname

-- child: rows that reference a row which goes home
SELECT NULL::bigint, {key}, {value}, c.tableoid, c.ctid
FROM {child} c JOIN {target} t ON {same} WHERE {going} AND {stays}

-- staying: rows whose key is to reference the source again, and that reference nothing which goes there
SELECT NULL::bigint, {key}, {value}, c.tableoid, c.ctid FROM {child} c
WHERE {present} AND NOT EXISTS (
    SELECT FROM {target} t JOIN {map} m ON {there} WHERE {same} AND m.state IN ('mapped', 'born') {archived}
) AND ({dangling} OR EXISTS (SELECT FROM {target} t WHERE {same}))

-- null: the target's own rows that lack what must be there again
SELECT NULL::bigint, {key}, NULL::text, t.tableoid, t.ctid FROM {target} t WHERE {column} IS NULL AND NOT {going}

-- of_aside: rows that reference a row which is set aside, and are not set aside themselves
SELECT NULL::bigint, {key}, {value}, c.tableoid, c.ctid
FROM {child} c JOIN {parent} p ON {same}
WHERE EXISTS (SELECT FROM {found} a WHERE a.relation = p.tableoid AND a.place = p.ctid)
  AND NOT EXISTS (SELECT FROM {found} a WHERE a.relation = c.tableoid AND a.place = c.ctid)
