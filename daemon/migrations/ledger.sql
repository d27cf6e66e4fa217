-- What the schema pgfold and schema_migrations say of folds; read only.

-- limits: for this transaction alone; poolers refuse startup options, and share sessions
SELECT pg_catalog.set_config('statement_timeout', %(statement_ms)s, true),
    pg_catalog.set_config('lock_timeout', %(lock_ms)s, true)

-- there: whether this role may read the books; asked by oid, since a name that is not there is an error
SELECT pg_catalog.count(*) = 7
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'pgfold'
    AND c.relname IN ('runs', 'folds', 'fold_tables', 'steps', 'batches', 'plans', 'approvals')
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    AND pg_catalog.has_table_privilege(c.oid, 'SELECT')

-- tracked: whether this role may read schema_migrations
SELECT pg_catalog.count(*) = 1
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = 'schema_migrations' AND c.relkind = 'r'
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    AND pg_catalog.has_table_privilege(c.oid, 'SELECT')

-- folds: each fold with its latest fold run, and what was approved of its plan
SELECT f.name, f.standing, f.target_schema, f.target_name, f.cut_over_at, f.drop_after,
    r.id AS run, r.plan_hash, r.status, r.started_at, r.finished_at, r.error_message, r.dagster_run_id,
    p.spec_text, p.document AS plan_document, p.created_at AS planned_at,
    EXISTS (
        SELECT FROM pg_catalog.pg_stat_activity AS a
        WHERE a.datname = pg_catalog.current_database()
            AND pg_catalog.starts_with(a.application_name, pg_catalog.left('pgfold ' || f.name || ' ', 63))
    ) AS at_work,
    pg_catalog.clock_timestamp() AS read_at
FROM pgfold.folds AS f
LEFT JOIN LATERAL (
    SELECT * FROM pgfold.runs AS r
    WHERE r.fold = f.name AND r.kind = 'fold'
    ORDER BY r.started_at DESC, r.id DESC
    LIMIT 1
) AS r ON true
LEFT JOIN pgfold.plans AS p ON p.fold = f.name AND p.hash = r.plan_hash
ORDER BY COALESCE(r.started_at, f.cut_over_at) DESC NULLS LAST, f.name
LIMIT 100

-- tables: the tables of each fold, with rows as the planner estimates them where they stand, or their archive
SELECT t.fold, t.table_schema, t.table_name, t.role,
    (
        SELECT c.reltuples::bigint FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = t.table_schema AND c.relname = t.table_name AND c.reltuples >= 0
    ) AS estimated_rows
FROM pgfold.fold_tables AS t
ORDER BY t.fold, t.role, t.table_schema, t.table_name

-- steps: those of each fold's latest fold run, and of later runs that undo or drop
SELECT r.fold, r.kind, r.status AS run_status, r.started_at AS run_started_at, s.name, s.status, s.started_at,
    s.finished_at, s.facts, s.error
FROM pgfold.steps AS s
JOIN pgfold.runs AS r ON r.id = s.run
WHERE r.id = ANY (%(runs)s) OR r.fold_run = ANY (%(runs)s)
ORDER BY r.started_at, s.started_at, s.name

-- batches: how far the sources of runs are staged
SELECT b.run, b.source_schema, b.source_name,
    COALESCE(pg_catalog.sum(b.rows) FILTER (WHERE b.done_at IS NOT NULL), 0)::bigint AS rows,
    pg_catalog.count(*) = pg_catalog.count(b.done_at) AS complete,
    pg_catalog.max(b.done_at) AS last_at
FROM pgfold.batches AS b
WHERE b.run = ANY (%(runs)s)
GROUP BY b.run, b.source_schema, b.source_name

-- drills: each time a backup was restored and compared, by the folder it is in
SELECT e.run, e.facts ->> 'folder' AS folder, v.finished_at AS at, c.found AS check
FROM pgfold.steps AS e
JOIN pgfold.steps AS v ON v.run = e.run AND v.name = 'verify'
CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(v.facts -> 'checks') AS c (found)
WHERE e.name = 'export' AND v.finished_at IS NOT NULL AND c.found ->> 'name' = 'backup_restores'
    AND pg_catalog.jsonb_typeof(v.facts -> 'checks') = 'array'
UNION ALL
SELECT s.run, s.facts ->> 'sealed_folder', s.finished_at, c.found
FROM pgfold.steps AS s
CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(s.facts -> 'checks') AS c (found)
WHERE s.name = 'seal' AND s.finished_at IS NOT NULL AND c.found ->> 'name' = 'sealed'
    AND pg_catalog.jsonb_typeof(s.facts -> 'checks') = 'array'
ORDER BY at DESC
LIMIT 500

-- about: which database this is
SELECT pg_catalog.current_database()::text || ' · PostgreSQL '
    || pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1)

-- approvals: those of the plans that folds stand on, given or asked for
SELECT a.fold, a.step, a.plan_hash, a.requested_at, a.person, a.approved_at
FROM pgfold.approvals AS a
WHERE a.withdrawn_at IS NULL
ORDER BY a.id

-- tracked_rows: consolidations that schema_migrations knows, the latest first
SELECT DISTINCT ON (m.migration_name) m.id, m.migration_name, m.status, m.started_at, m.completed_at, m.error_message
FROM {schema_migrations} AS m
WHERE m.migration_type = 'consolidation'
ORDER BY m.migration_name, m.started_at DESC, m.id
LIMIT 100
