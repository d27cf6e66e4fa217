-- Consolidations as they stand, and the tables they use.

-- states: every fold, or that of a name, or those that use a table; in order of cut-over, those without one last
SELECT f.name, f.standing,
    CASE WHEN f.target_name IS NOT NULL
        THEN pg_catalog.jsonb_build_object('schema', f.target_schema, 'name', f.target_name)
    END AS target,
    f.run, f.cut_over_at, f.drop_after, f.backup_location, f.sealed_location,
    (
        SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'table', pg_catalog.jsonb_build_object('schema', t.table_schema, 'name', t.table_name), 'role', t.role
        )), '[]')
        FROM pgfold.fold_tables AS t WHERE t.fold = f.name
    ) AS tables
FROM pgfold.folds AS f
WHERE (%(name)s::text IS NULL OR f.name = %(name)s::text)
    AND (
        %(table_name)s::text IS NULL
        OR EXISTS (
            SELECT FROM pgfold.fold_tables AS t
            WHERE t.fold = f.name AND t.table_schema = %(table_schema)s::text AND t.table_name = %(table_name)s::text
        )
    )
ORDER BY f.cut_over_at NULLS LAST, f.name

-- set_state: how a fold stands from now on; what it recorded stays
INSERT INTO pgfold.folds AS f (
    name, standing, target_schema, target_name, run, cut_over_at, drop_after, backup_location, sealed_location
)
VALUES (
    %(name)s, %(standing)s, %(target_schema)s, %(target_name)s, %(run)s, %(cut_over_at)s, %(drop_after)s,
    %(backup_location)s, %(sealed_location)s
)
ON CONFLICT (name) DO UPDATE SET
    standing = excluded.standing,
    target_schema = excluded.target_schema,
    target_name = excluded.target_name,
    run = excluded.run,
    cut_over_at = excluded.cut_over_at,
    drop_after = excluded.drop_after,
    backup_location = excluded.backup_location,
    sealed_location = excluded.sealed_location

-- clear_tables: forget which tables a fold uses, before they are written again
DELETE FROM pgfold.fold_tables WHERE fold = %(fold)s

-- add_table: a table that a fold uses
INSERT INTO pgfold.fold_tables (fold, table_schema, table_name, role)
VALUES (%(fold)s, %(schema)s, %(name)s, %(role)s)

-- save_recorded: keep what the fold wrote down before it changed anything
UPDATE pgfold.folds SET recorded = %(recorded)s WHERE name = %(name)s

-- load_recorded: what the fold wrote down
SELECT recorded FROM pgfold.folds WHERE name = %(name)s

-- forget_fold: remove a fold; its tables go with it
DELETE FROM pgfold.folds WHERE name = %(name)s

-- forget_runs: remove a fold's runs; steps, batches and rows set aside go with them
DELETE FROM pgfold.runs WHERE fold = %(name)s

-- forget_approvals: remove a fold's approvals
DELETE FROM pgfold.approvals WHERE fold = %(name)s

-- forget_plans: remove a fold's plans
DELETE FROM pgfold.plans WHERE fold = %(name)s
