-- schema_migrations, the table that the database's users read to see which migrations ran.

-- create_table: make schema_migrations
CREATE TABLE {schema_migrations} (
    id UUID PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    migration_name TEXT NOT NULL,
    migration_type TEXT CHECK (migration_type IN ('consolidation', 'schema_change', 'data_migration')),
    status TEXT DEFAULT 'pending' CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'rolled_back')),
    started_at TIMESTAMPTZ DEFAULT pg_catalog.now(),
    completed_at TIMESTAMPTZ,
    error_message TEXT,
    backup_location TEXT,
    rollback_script TEXT,
    created_at TIMESTAMPTZ DEFAULT pg_catalog.now()
)

-- schema_exists: whether the schema that is to hold it is there
SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = %(schema)s)

-- relation: what has the name schema_migrations, if anything has, and which privileges on it are missing
SELECT c.oid, c.relkind::text,
    ARRAY(
        SELECT p FROM pg_catalog.unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS p
        WHERE NOT pg_catalog.has_table_privilege(c.oid, p)
    )
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = 'schema_migrations'

-- description: its columns in order, then its constraints, each as one line
SELECT line FROM (
    SELECT 1 AS part, a.attnum AS place,
        pg_catalog.concat_ws(
            ' ', 'column', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attnotnull THEN 'NOT NULL' END,
            'DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid)
        ) AS line
    FROM pg_catalog.pg_attribute AS a
    LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 2, 0, pg_catalog.pg_get_constraintdef(k.oid)
    FROM pg_catalog.pg_constraint AS k
    WHERE k.conrelid = %(oid)s AND k.contype IN ('p', 'u', 'c', 'f', 'x')
) AS described
ORDER BY part, place, line

-- write: make the row of a fold run say how its fold stands, also where somebody removed the row
INSERT INTO {schema_migrations} AS m (
    id, migration_name, migration_type, status, started_at, completed_at, error_message, backup_location,
    rollback_script, created_at
)
SELECT r.id, r.fold, 'consolidation',
    CASE
        WHEN r.status = 'rolled_back' THEN 'rolled_back'
        WHEN r.cut_over_at IS NOT NULL THEN 'completed'
        ELSE r.status
    END,
    r.started_at, r.cut_over_at, r.error_message, r.backup_location, r.rollback_script, r.started_at
FROM pgfold.runs AS r
WHERE r.id = %(run)s AND r.kind = 'fold'
ON CONFLICT (id) DO UPDATE SET
    status = excluded.status,
    started_at = excluded.started_at,
    completed_at = excluded.completed_at,
    error_message = excluded.error_message,
    backup_location = excluded.backup_location,
    rollback_script = excluded.rollback_script

-- home: which schema holds the row of a fold run
SELECT r.tracking_schema FROM pgfold.runs AS r WHERE r.id = %(run)s AND r.kind = 'fold'

-- migrations: every migration of that name, the latest first
SELECT id, migration_name, migration_type, status, started_at, completed_at, error_message, backup_location,
    rollback_script, created_at
FROM {schema_migrations}
WHERE migration_name = %(name)s
ORDER BY started_at DESC, id
