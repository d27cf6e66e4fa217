-- Three issue tables with three key types and three vocabularies, and what hangs on them.
-- exai_issues is the one that stays; exai_issues_tracker and issues are folded into it.

CREATE FUNCTION public.set_issue_updated_at() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TABLE public.exai_issues (
    id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
    issue_number serial,
    title text NOT NULL,
    description text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    category text NOT NULL
        CHECK (category IN ('timeout', 'architecture', 'configuration', 'performance', 'security', 'other')),
    status text DEFAULT 'open' NOT NULL
        CHECK (status IN ('open', 'in_progress', 'fixed', 'verified', 'closed', 'wont_fix')),
    file_path text,
    line_start integer,
    line_end integer,
    affected_components text[],
    conversation_id text,
    fix_conversation_id text,
    root_cause text,
    impact_description text,
    recommended_fix text,
    actual_fix text,
    related_issues uuid[],
    blocks_issues uuid[],
    blocked_by_issues uuid[],
    discovery_date timestamptz DEFAULT now(),
    fix_date timestamptz,
    verification_date timestamptz,
    metadata jsonb DEFAULT '{}',
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL
);
COMMENT ON TABLE public.exai_issues IS 'Issues found while the tools are used; "the" table.';
CREATE INDEX idx_exai_issues_status ON public.exai_issues (status);
CREATE INDEX idx_exai_issues_severity ON public.exai_issues (severity);
CREATE INDEX idx_exai_issues_metadata ON public.exai_issues USING gin (metadata);
CREATE TRIGGER exai_issues_updated_at BEFORE UPDATE ON public.exai_issues
    FOR EACH ROW EXECUTE FUNCTION public.set_issue_updated_at();

CREATE TABLE public.exai_issue_updates (
    id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
    issue_id uuid NOT NULL REFERENCES public.exai_issues (id),
    update_type text NOT NULL
        CHECK (update_type IN ('comment', 'investigation', 'status_change', 'fix_attempt', 'verification')),
    content text NOT NULL,
    conversation_id text,
    created_at timestamptz DEFAULT now() NOT NULL
);
CREATE INDEX idx_exai_issue_updates_issue ON public.exai_issue_updates (issue_id);

CREATE TABLE public.exai_issue_checklist (
    id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
    issue_id uuid NOT NULL REFERENCES public.exai_issues (id) ON DELETE CASCADE,
    step_number integer NOT NULL,
    description text NOT NULL,
    status text DEFAULT 'pending' NOT NULL CHECK (status IN ('pending', 'in_progress', 'complete', 'skipped')),
    completed_at timestamptz,
    UNIQUE (issue_id, step_number)
);

CREATE VIEW public.exai_active_issues AS
    SELECT i.id, i.issue_number, i.title, i.severity, i.category, i.status, i.discovery_date,
           count(c.id) FILTER (WHERE c.status = 'complete') AS completed_steps,
           count(c.id) AS total_steps,
           round(100.0 * count(c.id) FILTER (WHERE c.status = 'complete') / nullif(count(c.id), 0), 1)
               AS progress_percentage
    FROM public.exai_issues i
    LEFT JOIN public.exai_issue_checklist c ON c.issue_id = i.id
    WHERE i.status IN ('open', 'in_progress')
    GROUP BY i.id;

CREATE TABLE public.exai_issues_tracker (
    issue_id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
    issue_title text NOT NULL,
    issue_description text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('Critical', 'High', 'Medium', 'Low')),
    category text NOT NULL,
    affected_components text[],
    root_cause_hypothesis text,
    root_cause_confirmed text,
    diagnostic_approach text,
    fix_strategy text,
    fix_implementation_details text,
    affected_files text[],
    priority text CHECK (priority IN ('P0', 'P1', 'P2', 'P3')),
    status text DEFAULT 'New' NOT NULL
        CHECK (status IN ('New', 'Investigating', 'Root Cause Identified', 'Fix In Progress', 'Fixed', 'Verified')),
    discovered_date timestamptz DEFAULT now(),
    source text CHECK (source IN ('Testing', 'Documentation', 'Logs', 'User Report')),
    related_issues uuid[],
    notes text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL
);
CREATE INDEX idx_tracker_severity ON public.exai_issues_tracker (severity);
CREATE INDEX idx_tracker_priority ON public.exai_issues_tracker (priority);
CREATE INDEX idx_tracker_status ON public.exai_issues_tracker (status);
CREATE INDEX idx_tracker_category ON public.exai_issues_tracker (category);
CREATE TRIGGER tracker_updated_at BEFORE UPDATE ON public.exai_issues_tracker
    FOR EACH ROW EXECUTE FUNCTION public.set_issue_updated_at();

CREATE TABLE public.test_runs (
    id bigserial PRIMARY KEY,
    label text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz
);

CREATE TABLE public.test_results (
    id bigserial PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES public.test_runs (id) ON DELETE CASCADE,
    tool text NOT NULL,
    passed boolean NOT NULL,
    duration_ms numeric(10, 3) NOT NULL,
    error_message text
);

CREATE TABLE public.issues (
    id bigserial PRIMARY KEY,
    issue_code text UNIQUE,
    title text NOT NULL,
    description text NOT NULL,
    category text NOT NULL CHECK (category IN ('production', 'test_infrastructure')),
    priority text NOT NULL CHECK (priority IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW')),
    status text DEFAULT 'OPEN' NOT NULL CHECK (status IN ('OPEN', 'IN_PROGRESS', 'RESOLVED', 'WONT_FIX')),
    root_cause text,
    resolution text,
    affected_tools text[],
    first_detected_run_id bigint REFERENCES public.test_runs (id),
    resolved_run_id bigint REFERENCES public.test_runs (id),
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    resolved_at timestamptz
);
CREATE INDEX idx_issues_status ON public.issues (status);
CREATE INDEX idx_issues_priority ON public.issues (priority);
CREATE INDEX idx_issues_category ON public.issues (category);

CREATE TABLE public.issue_occurrences (
    id bigserial PRIMARY KEY,
    issue_id bigint NOT NULL REFERENCES public.issues (id) ON DELETE CASCADE,
    run_id bigint NOT NULL REFERENCES public.test_runs (id) ON DELETE CASCADE,
    test_result_id bigint REFERENCES public.test_results (id) ON DELETE CASCADE,
    occurred_at timestamptz DEFAULT now() NOT NULL,
    UNIQUE (issue_id, run_id, test_result_id)
);

-- Rows. Keys are hashes of a short text, so that every load gives the same.

INSERT INTO public.exai_issues
    (id, title, description, severity, category, status, file_path, line_start, line_end, affected_components,
     conversation_id, fix_conversation_id, root_cause, impact_description, recommended_fix, actual_fix,
     related_issues, blocks_issues, blocked_by_issues, discovery_date, fix_date, verification_date, metadata,
     created_at, updated_at)
VALUES
    (md5('issue-1')::uuid, 'Workflow stops after 600 s', 'The client gives up first; the server goes on.',
     'critical', 'timeout', 'open', 'server/deadline.py', 41, 58, '{workflow,client}',
     'c-0001', NULL, NULL, 'Long reviews never finish', 'One deadline for both sides', NULL,
     ARRAY[md5('issue-2')::uuid], ARRAY[md5('issue-3')::uuid], '{}',
     '2025-09-28 07:15:00.000001+00', NULL, NULL, '{"seen": 3, "first": null}',
     '2025-09-28 07:15:00.000001+00', '2025-10-02 11:00:00+00'),
    (md5('issue-2')::uuid, 'Deadline is set in four places', 'Each of them has another default.',
     'high', 'configuration', 'in_progress', 'server/settings.py', 12, 12, '{settings}',
     'c-0001', 'c-0009', 'Copied when the daemon was split off', NULL, 'Read it once', NULL,
     ARRAY[md5('issue-1')::uuid], NULL, NULL,
     '2025-09-28 08:00:00+00', NULL, NULL, '{}', '2025-09-28 08:00:00+00', '2025-09-30 16:20:31.5+00'),
    (md5('issue-3')::uuid, 'Two registries of tools', 'A tool that is in one only cannot be called.',
     'high', 'architecture', 'open', NULL, NULL, NULL, '{registry,"tool loader"}',
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ARRAY[md5('issue-1')::uuid, md5('issue-2')::uuid],
     '2025-09-29 00:00:00+00', NULL, NULL, '{"tags": ["registry", null, ""], "depth": {"a": {"b": []}}}',
     '2025-09-29 00:00:00+00', '2025-09-29 00:00:00+00'),
    (md5('issue-4')::uuid, 'Path "C:\work\new" is read as an escape', E'Backslashes:\n\tC:\\work\\new\nare eaten.',
     'medium', 'other', 'fixed', 'server\paths.py', 7, 9, '{"path \"quoted\"","back\\slash"}',
     'c-0002', 'c-0002', 'String built twice', '', 'Use pathlib', E'Done;\r\nsee the test',
     '{}', '{}', '{}', '2025-09-29 09:30:00.123456+00', '2025-10-01 10:00:00+00', NULL,
     '{"path": "C:\\work\\new", "quote": "\""}', '2025-09-29 09:30:00.123456+00', '2025-10-01 10:00:00+00'),
    (md5('issue-5')::uuid, 'Key is written to the log', 'Start-up prints the settings, the key among them.',
     'critical', 'security', 'verified', 'server/start.py', 101, 104, '{logging}',
     'c-0003', 'c-0004', 'repr() of a settings object', 'Whoever reads logs has the key', 'Hide it', 'Hidden',
     NULL, NULL, NULL, '2025-09-30 22:59:59.999999+00', '2025-10-01 07:00:00+00', '2025-10-01 09:00:00+00',
     '{"cve": null}', '2025-09-30 22:59:59.999999+00', '2025-10-01 09:00:00+00'),
    (md5('issue-6')::uuid, 'Every call reads all messages', 'No index on the conversation.',
     'medium', 'performance', 'closed', NULL, NULL, NULL, '{storage}',
     NULL, 'c-0005', 'Missing index', '1.50 s a call', NULL, 'Index added',
     NULL, NULL, NULL, '2025-10-01 06:00:00+00', '2025-10-02 06:00:00+00', '2025-10-03 06:00:00+00',
     '{"before_s": 1.50, "after_s": 0.02}', '2025-10-01 06:00:00+00', '2025-10-03 06:00:00+00'),
    (md5('issue-7')::uuid, 'Überlange Titel: 長いタイトル 🧩', 'Width is counted in bytes — not in characters.',
     'low', 'other', 'wont_fix', NULL, NULL, NULL, '{"ünïcode",🧩}',
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     '2025-10-01 12:00:00+02', NULL, NULL, '{"名": "値"}', '2025-10-01 12:00:00+02', '2025-10-01 12:00:00+02'),
    (md5('issue-8')::uuid, 'Empty answer is cached', '', 'medium', 'configuration', 'open', '', 0, 0, '{}',
     '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     '2025-10-02 00:00:00+00', '2025-10-02 00:00:00+00'),
    (md5('issue-9')::uuid, 'It''s retried ''for ever''', 'A 429 is tried again at once; -- and again.',
     'high', 'timeout', 'in_progress', 'server/retry.py', 30, 77, '{retry,NULL,"NULL"}',
     'c-0006', NULL, 'No ceiling', 'The provider blocks us', 'Back off', NULL,
     ARRAY[md5('issue-1')::uuid, NULL], NULL, NULL, '2025-10-02 03:04:05.06+00', NULL, NULL,
     '{"codes": [429, 503], "note": "100 % of {calls}"}', '2025-10-02 03:04:05.06+00', '2025-10-03 00:00:00+00'),
    (md5('issue-10')::uuid, 'Daemon holds the port after a crash', 'The next start says that it is taken.',
     'medium', 'architecture', 'fixed', 'daemon/listen.py', 5, 6, '{daemon}',
     NULL, NULL, 'No SO_REUSEADDR', NULL, NULL, 'Set', NULL, NULL, NULL,
     '2025-10-02 10:00:00+00', '2025-10-04 10:00:00+00', NULL, '{}',
     '2025-10-02 10:00:00+00', '2025-10-04 10:00:00+00'),
    (md5('issue-11')::uuid, 'Totals are wrong at midnight', 'Local midnight, that is.',
     'low', 'other', 'open', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     '2025-10-03 23:59:60+00', NULL, NULL, '{"zone": "Australia/Melbourne"}',
     '2025-10-03 23:59:59.5+00', '2025-10-03 23:59:59.5+00');

INSERT INTO public.exai_issue_updates (id, issue_id, update_type, content, conversation_id, created_at)
SELECT md5('update-' || n)::uuid,
       md5('issue-' || (1 + n % 6))::uuid,
       (ARRAY['comment', 'investigation', 'status_change', 'fix_attempt', 'verification'])[1 + n % 5],
       (ARRAY['Seen again', E'Log:\n\t"retry" \\ 3', 'open -> in_progress', 'Tried: it''s no better'])[1 + n % 4],
       CASE WHEN n % 3 > 0 THEN 'c-' || lpad(n::text, 4, '0') END,
       timestamptz '2025-10-01 08:00:00.000007+00' + n * interval '3 hours 7 minutes'
FROM generate_series(1, 12) AS n;

INSERT INTO public.exai_issue_checklist (id, issue_id, step_number, description, status, completed_at)
SELECT md5('step-' || issue || '-' || step)::uuid, md5('issue-' || issue)::uuid, step, description, status,
       CASE status WHEN 'complete' THEN timestamptz '2025-10-02 09:00:00+00' + step * interval '1 hour' END
FROM (VALUES (1, 1, 'Find every deadline', 'complete'),
             (1, 2, 'Decide on one', 'complete'),
             (1, 3, 'Read it once', 'in_progress'),
             (1, 4, 'Test with a slow provider', 'pending'),
             (2, 1, 'Name the four places', 'complete'),
             (2, 2, 'Remove three of them', 'pending'),
             (3, 1, 'Draw both registries', 'skipped')) AS steps (issue, step, description, status);

INSERT INTO public.exai_issues_tracker
    (issue_id, issue_title, issue_description, severity, category, affected_components, root_cause_hypothesis,
     root_cause_confirmed, diagnostic_approach, fix_strategy, fix_implementation_details, affected_files, priority,
     status, discovered_date, source, related_issues, notes, created_at, updated_at)
VALUES
    (md5('tracker-1')::uuid, 'Context is lost on the third turn', 'The third answer knows nothing of the first.',
     'Critical', 'Conversation Context', '{chat,storage}', 'History is cut too early', 'Cut by tokens of the reply',
     'Replay a stored conversation', 'Cut from the oldest', NULL, '{chat/history.py}', 'P0',
     'Root Cause Identified', '2025-10-04 05:06:07.000089+00', 'Testing', ARRAY[md5('tracker-2')::uuid], NULL,
     '2025-10-04 05:06:07.000089+00', '2025-10-05 00:00:00+00'),
    (md5('tracker-2')::uuid, 'Continuation id is not returned', 'So the client cannot go on.',
     'High', 'Conversation Context', '{chat}', NULL, NULL, NULL, NULL, NULL, NULL, 'P1',
     'New', '2025-10-04 05:30:00+00', 'User Report', NULL, NULL, '2025-10-04 05:30:00+00', '2025-10-04 05:30:00+00'),
    (md5('tracker-3')::uuid, 'Files are embedded twice', 'Once as text, once as an upload.',
     'High', 'File Embedding', '{files,prompt}', 'Two code paths', 'Two code paths', 'Count tokens', 'Keep the upload',
     'The text path was removed', '{files/embed.py,files/upload.py}', 'P1',
     'Fixed', '2025-10-04 06:00:00+00', 'Logs', '{}', '', '2025-10-04 06:00:00+00', '2025-10-06 12:00:00.25+00'),
    (md5('tracker-4')::uuid, 'Large file is cut without a word', 'The model then answers about half of it.',
     'Medium', 'File Embedding', '{files}', NULL, NULL, 'Compare sizes', NULL, NULL, '{}', 'P2',
     'Investigating', '2025-10-04 06:10:00+00', 'Testing', NULL, 'Ask whether 200 kB is enough',
     '2025-10-04 06:10:00+00', '2025-10-04 06:10:00+00'),
    (md5('tracker-5')::uuid, 'C:\Project\readme is "not found"', E'Windows paths:\n\\\\server\\share\\x\n\tand C:\\',
     'Medium', 'Path Handling', '{paths,"with \"quotes\"","back\\slash"}', 'Escapes', 'Escapes: \n is a newline',
     'Print repr()', 'Normalise once', 'Done in one place', '{"C:\\Project\\readme","a, b","{braces}"}', 'P2',
     'Verified', '2025-10-04 06:20:00+00', 'User Report', ARRAY[md5('tracker-6')::uuid, NULL], E'Line one\nLine two',
     '2025-10-04 06:20:00+00', '2025-10-07 00:00:00+00'),
    (md5('tracker-6')::uuid, 'Relative paths are refused', 'Only absolute ones are taken, and nobody says so.',
     'Low', 'Path Handling', '{paths}', NULL, NULL, NULL, 'Say so', NULL, NULL, 'P3',
     'New', '2025-10-04 06:30:00+00', 'Documentation', NULL, NULL, '2025-10-04 06:30:00+00', '2025-10-04 06:30:00+00'),
    (md5('tracker-7')::uuid, 'Second opinion is never asked for', 'The setting is read and not used.',
     'High', 'Expert Analysis', '{analysis,NULL,"NULL",""}', 'Flag is inverted', NULL, 'Read the call', NULL, NULL,
     '{analysis/expert.py,NULL}', 'P1', 'Investigating', '2025-10-04 07:00:00+00', 'Testing', NULL, NULL,
     '2025-10-04 07:00:00+00', '2025-10-05 09:09:09.090909+00'),
    (md5('tracker-8')::uuid, 'Analysis runs twice', 'And is paid for twice.',
     'Medium', 'Expert Analysis', '{analysis}', 'Retry and fallback both fire', NULL, NULL, NULL, NULL, NULL, 'P2',
     'New', '2025-10-04 07:10:00+00', 'Logs', NULL, NULL, '2025-10-04 07:10:00+00', '2025-10-04 07:10:00+00'),
    (md5('tracker-9')::uuid, 'Step 2 starts before step 1 ends', 'Seen with two workers — 工程が重なる 🧵.',
     'Critical', 'Workflow Execution', '{workflow,"ワークフロー"}', 'No lock', 'No lock', 'Two workers, one step',
     'One lock a workflow', E'Advisory lock\n(session level)', '{workflow/run.py}', 'P0',
     'Fix In Progress', '2025-10-04 08:00:00.5+00', 'Logs', ARRAY[md5('tracker-1')::uuid, md5('tracker-3')::uuid],
     'See the trace: {"step": 2, "of": null}', '2025-10-04 08:00:00.5+00', '2025-10-06 08:00:00+00'),
    (md5('tracker-10')::uuid, 'Schema allows what the tool refuses', 'Enum values differ in case.',
     'Medium', 'Schema Validation', '{}', 'Two lists', 'Two lists', NULL, 'One list', 'Generated from one',
     '{schema/tools.json}', 'P2', 'Fixed', '2025-10-04 09:00:00+00', 'Testing', NULL, NULL,
     '2025-10-04 09:00:00+00', '2025-10-05 10:00:00+00'),
    (md5('tracker-11')::uuid, 'Unknown fields pass', 'A misspelt one is ignored.',
     'Low', 'Schema Validation', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     'New', NULL, NULL, NULL, NULL, '2025-10-04 09:10:00+00', '2025-10-04 09:10:00+00'),
    (md5('tracker-12')::uuid, 'Search results lack their address', 'Title and text only.',
     'Low', 'Web Search Integration', '{search}', NULL, NULL, NULL, NULL, NULL, NULL, 'P3',
     'New', '2025-10-04 10:00:00+00', 'User Report', NULL, NULL, '2025-10-04 10:00:00+00', '2025-10-04 10:00:00+00'),
    (md5('tracker-13')::uuid, 'One model''s "no" ends the vote', 'The others are not heard.',
     'Medium', 'Consensus Workflow', '{consensus,workflow}', 'any() for all()', NULL, NULL, NULL, NULL,
     '{consensus/vote.py}', 'P2', 'Investigating', '2025-10-04 11:00:00+00', 'Testing', '{}', NULL,
     '2025-10-04 11:00:00+00', '2025-10-04 11:00:00+00'),
    (md5('tracker-14')::uuid, 'Uploads can be read by guessing', 'The address is a counter.',
     'Critical', 'Security', '{files,storage}', 'Sequential names', 'Sequential names', 'Try the next number',
     'Random names; old ones are moved', 'Random names', '{storage/name.py}', 'P0',
     'Verified', '2025-10-04 12:00:00+00', 'Documentation', NULL, '   ', '2025-10-04 12:00:00+00',
     '2025-10-08 12:00:00.000001+00');

INSERT INTO public.test_runs (label, started_at, finished_at)
SELECT 'nightly ' || n, timestamptz '2025-10-01 01:00:00+00' + n * interval '1 day',
       CASE WHEN n < 4 THEN timestamptz '2025-10-01 01:42:10.654321+00' + n * interval '1 day' END
FROM generate_series(1, 4) AS n;

INSERT INTO public.test_results (run_id, tool, passed, duration_ms, error_message)
SELECT 1 + (n - 1) / 3, (ARRAY['chat', 'debug', 'review'])[1 + n % 3], n % 4 > 0, n * 137.125,
       CASE WHEN n % 4 = 0 THEN E'Timeout after "600" s\n  in \\debug' END
FROM generate_series(1, 12) AS n;

-- The first numbers are gone: a sequence is ahead of its table more often than not.
SELECT setval('public.issues_id_seq', 4);
INSERT INTO public.issues
    (issue_code, title, description, category, priority, status, root_cause, resolution, affected_tools,
     first_detected_run_id, resolved_run_id, created_at, updated_at, resolved_at)
VALUES
    ('PHASE2-HIGH-001', 'debug times out in every nightly run', E'After 600 s, with nothing in the log.\nSee "debug".',
     'production', 'HIGH', 'OPEN', NULL, NULL, '{debug,NULL,"review, deep"}', 2, NULL,
     '2025-10-03 01:42:11.000001+00', '2025-10-04 01:42:11+00', NULL);

INSERT INTO public.issue_occurrences (issue_id, run_id, test_result_id, occurred_at)
VALUES (5, 2, 4, '2025-10-03 01:20:00.5+00'),
       (5, 3, 8, '2025-10-04 01:20:00.25+00'),
       (5, 4, NULL, '2025-10-05 01:20:00+00');
