-- The steps of a run.

-- start: a step begins, or begins again where a killed run left it
INSERT INTO pgfold.steps (run, name, status, started_at, rows_total)
VALUES (%(run)s, %(name)s, 'running', %(at)s, %(rows_total)s)
ON CONFLICT (run, name) DO UPDATE SET
    status = 'running', started_at = excluded.started_at, finished_at = NULL, error = NULL,
    rows_total = COALESCE(excluded.rows_total, steps.rows_total)

-- finish: a step is done, and this is what it found
UPDATE pgfold.steps
SET status = 'done', finished_at = %(at)s, error = NULL, facts = %(facts)s
WHERE run = %(run)s AND name = %(name)s

-- fail: a step stopped
UPDATE pgfold.steps
SET status = 'failed', finished_at = %(at)s, error = %(message)s
WHERE run = %(run)s AND name = %(name)s

-- progress: how far a step is
UPDATE pgfold.steps
SET rows_done = %(rows_done)s, rows_total = COALESCE(%(rows_total)s, rows_total)
WHERE run = %(run)s AND name = %(name)s

-- of_run: the steps of a run, in the order they began
SELECT * FROM pgfold.steps WHERE run = %(run)s ORDER BY started_at, name
