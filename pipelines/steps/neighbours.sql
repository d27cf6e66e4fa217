-- What lies around the tables of a fold, from the catalog alone.

-- likely_keys: columns of a key's type that are named like it, and that no foreign key holds
SELECT w.number AS source, n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS "column",
    format_type(a.atttypid, a.atttypmod) AS type, false AS is_array
FROM unnest(%(numbers)s::int[], %(names)s::text[], %(types)s::oid[]) AS w(number, name, type)
JOIN pg_attribute a ON lower(a.attname) = w.name AND a.atttypid = w.type AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^(pgfold(_|$)|pg_temp_|pg_toast)'
  AND c.oid <> ALL (%(fold)s::oid[])
  AND NOT EXISTS (
      SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = c.oid AND a.attnum = ANY (k.conkey))
ORDER BY 1, 2, 3, 4

-- likely_arrays: arrays of a key's type with a word of the table's name in theirs
SELECT DISTINCT w.number AS source, n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS "column",
    format_type(a.atttypid, a.atttypmod) AS type, true AS is_array
FROM unnest(%(numbers)s::int[], %(words)s::text[], %(types)s::oid[]) AS w(number, word, type)
JOIN pg_type t ON t.typelem = w.type AND t.typsubscript = 'array_subscript_handler'::regproc
JOIN pg_attribute a ON a.atttypid = t.oid AND strpos(lower(a.attname), w.word) > 0
    AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^(pgfold(_|$)|pg_temp_|pg_toast)'
ORDER BY 1, 2, 3, 4

-- keys_to_children: foreign keys that reference a column whose values change
SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name, k.conname::text AS "constraint",
    pn.nspname::text AS child_schema, p.relname::text AS child_name, a.attname::text AS "column"
FROM unnest(%(tables)s::oid[], %(columns)s::text[]) AS w(relation, name)
JOIN pg_attribute a ON a.attrelid = w.relation AND a.attname = w.name
JOIN pg_constraint k ON k.contype = 'f' AND k.confrelid = w.relation AND a.attnum = ANY (k.confkey)
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class p ON p.oid = w.relation JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE NOT EXISTS (SELECT FROM pg_constraint up WHERE up.oid = k.conparentid)
ORDER BY 1, 2, 3, 6

-- archived: relations that bear these names
SELECT n.nspname::text, c.relname::text
FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS w(schema, name)
JOIN pg_namespace n ON n.nspname = w.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
ORDER BY 1, 2

-- api_roles: the roles by which PostgREST serves a database
SELECT rolname::text FROM pg_roles WHERE rolname IN ('authenticator', 'anon') ORDER BY 1 DESC

-- publications_of_all: those that ship every table, new ones too
SELECT pubname::text FROM pg_publication WHERE puballtables ORDER BY 1

-- statements_schema: where the view of pg_stat_statements is, if it is
SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements'

-- statements_seen: statements of this database that name a table as a word; ours name pg_catalog and are left out
SELECT count(*) FROM {view} s
WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND s.query ~* {pattern} AND strpos(s.query, 'pg_catalog') = 0
