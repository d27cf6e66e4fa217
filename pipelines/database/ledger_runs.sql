-- Runs, the latest first where there are several.

-- start_fold: write down a fold run that begins
INSERT INTO pgfold.runs (
    id, fold, kind, plan_hash, spec_sha256, tracking_schema, status, started_at, started_by, dagster_run_id
)
VALUES (
    %(id)s, %(fold)s, 'fold', %(plan_hash)s, %(spec_sha256)s, %(tracking_schema)s, 'in_progress', %(at)s,
    %(started_by)s, %(dagster_run_id)s
)
RETURNING *

-- start_other: write down a rollback or drop that begins, about the fold's latest fold run
INSERT INTO pgfold.runs (
    id, fold, kind, fold_run, plan_hash, spec_sha256, tracking_schema, status, started_at, started_by, dagster_run_id
)
SELECT %(id)s, about.fold, %(kind)s, about.id, %(plan_hash)s, %(spec_sha256)s, about.tracking_schema, 'in_progress',
    %(at)s, %(started_by)s, %(dagster_run_id)s
FROM (
    SELECT r.id, r.fold, r.tracking_schema FROM pgfold.runs AS r
    WHERE r.fold = %(fold)s AND r.kind = 'fold'
    ORDER BY r.started_at DESC, r.id DESC
    LIMIT 1
) AS about
RETURNING *

-- find: the run of that id
SELECT * FROM pgfold.runs WHERE id = %(id)s

-- latest: the latest run of that kind
SELECT * FROM pgfold.runs
WHERE fold = %(fold)s AND kind = %(kind)s
ORDER BY started_at DESC, id DESC
LIMIT 1

-- of_fold: the runs of a fold, the latest first
SELECT * FROM pgfold.runs WHERE fold = %(fold)s ORDER BY started_at DESC, id DESC

-- resume: a failed or killed run goes on
UPDATE pgfold.runs
SET status = 'in_progress', finished_at = NULL, error_message = NULL,
    dagster_run_id = COALESCE(%(dagster_run_id)s, dagster_run_id)
WHERE id = %(id)s AND status IN ('in_progress', 'failed')

-- cut_over: the cut-over of a fold run is about to commit
UPDATE pgfold.runs SET cut_over_at = %(at)s WHERE id = %(id)s AND kind = 'fold' AND status = 'in_progress'

-- finish: nothing is left to do; a fold run without a cut-over of its own time was cut over now
UPDATE pgfold.runs
SET status = 'completed', finished_at = %(at)s, error_message = NULL,
    cut_over_at = CASE WHEN kind = 'fold' THEN COALESCE(cut_over_at, %(at)s) END
WHERE id = %(id)s AND status = 'in_progress'

-- fail: the run stopped
UPDATE pgfold.runs
SET status = 'failed', finished_at = %(at)s, error_message = %(message)s
WHERE id = %(id)s AND status IN ('in_progress', 'failed')

-- roll_back: the fold run that a rollback is about is undone
UPDATE pgfold.runs AS f
SET status = 'rolled_back', finished_at = COALESCE(f.finished_at, %(at)s)
FROM pgfold.runs AS r
WHERE r.id = %(id)s AND r.kind = 'rollback' AND f.id = r.fold_run

-- keep_backup: where a run's backup and its way back are
UPDATE pgfold.runs
SET backup_location = %(backup_location)s, rollback_script = COALESCE(%(rollback_script)s, rollback_script)
WHERE id = %(id)s

-- forget_steps: in the replica role nothing cascades
DELETE FROM pgfold.steps WHERE run = %(id)s

-- forget: a run that touched nothing
DELETE FROM pgfold.runs WHERE id = %(id)s AND kind <> 'fold'
