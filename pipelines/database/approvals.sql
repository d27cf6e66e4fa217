-- Plans, and people's approvals of their steps.

-- save_plan: keep a plan; of one hash the newest document, since the hash leaves out counts
INSERT INTO pgfold.plans (fold, hash, spec_text, document, created_at)
VALUES (%(fold)s, %(hash)s, %(spec_text)s, %(document)s, %(created_at)s)
ON CONFLICT (fold, hash) DO UPDATE SET
    spec_text = excluded.spec_text, document = excluded.document, created_at = excluded.created_at

-- load_plan: a plan by its hash
SELECT fold, hash, spec_text, document, created_at FROM pgfold.plans WHERE fold = %(fold)s AND hash = %(hash)s

-- withdraw_older_requests: nobody waits for the approval of another plan any more
UPDATE pgfold.approvals
SET withdrawn_at = %(at)s
WHERE fold = %(fold)s AND step = %(step)s AND plan_hash <> %(plan_hash)s AND approved_at IS NULL
    AND withdrawn_at IS NULL

-- request: a step waits
INSERT INTO pgfold.approvals AS a (fold, step, plan_hash, requested_at)
VALUES (%(fold)s, %(step)s, %(plan_hash)s, %(at)s)
ON CONFLICT (fold, step, plan_hash) WHERE withdrawn_at IS NULL
DO UPDATE SET requested_at = COALESCE(a.requested_at, excluded.requested_at)
RETURNING fold, step, plan_hash, requested_at, person, approved_at, withdrawn_at

-- approve: a person's yes; the first one stands
INSERT INTO pgfold.approvals AS a (fold, step, plan_hash, person, approved_at)
VALUES (%(fold)s, %(step)s, %(plan_hash)s, %(person)s, %(at)s)
ON CONFLICT (fold, step, plan_hash) WHERE withdrawn_at IS NULL
DO UPDATE SET
    person = COALESCE(a.person, excluded.person), approved_at = COALESCE(a.approved_at, excluded.approved_at)
RETURNING fold, step, plan_hash, requested_at, person, approved_at, withdrawn_at

-- withdraw: what was approved or asked for is over
UPDATE pgfold.approvals SET withdrawn_at = %(at)s WHERE fold = %(fold)s AND withdrawn_at IS NULL

-- standing: a person's yes that holds
SELECT fold, step, plan_hash, requested_at, person, approved_at, withdrawn_at
FROM pgfold.approvals
WHERE fold = %(fold)s AND step = %(step)s AND plan_hash = %(plan_hash)s AND approved_at IS NOT NULL
    AND withdrawn_at IS NULL

-- waiting: steps that wait for a person, the longest first
SELECT fold, step, plan_hash, requested_at, person, approved_at, withdrawn_at
FROM pgfold.approvals
WHERE approved_at IS NULL AND withdrawn_at IS NULL
ORDER BY requested_at, id

-- of_fold: every approval of a fold, withdrawn ones too, in the order they were asked for or given
SELECT fold, step, plan_hash, requested_at, person, approved_at, withdrawn_at
FROM pgfold.approvals
WHERE fold = %(fold)s
ORDER BY id
