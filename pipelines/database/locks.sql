-- Locks: taken without waiting, and who stands in the way.

-- try_advisory: take a lock of this session's, or not, at once
SELECT pg_catalog.pg_try_advisory_lock(%(key)s::bigint)

-- release_advisory: give it back
SELECT pg_catalog.pg_advisory_unlock(%(key)s::bigint)

-- release_all: give every one of this session's back
SELECT pg_catalog.pg_advisory_unlock_all()

-- lock_until_commit: wait for a lock that the transaction's end gives back
SELECT pg_catalog.pg_advisory_xact_lock(%(key)s::bigint)

-- may_hasten: whether the role may set deadlock_timeout
SELECT pg_catalog.has_parameter_privilege('deadlock_timeout', 'SET')

-- is_superuser: the same before PostgreSQL 15
SELECT pg_catalog.current_setting('is_superuser') = 'on'

-- fresh_activity: within one transaction pg_stat_activity would stay as it was first read (manual 27.2)
SELECT pg_catalog.pg_stat_clear_snapshot()

-- advisory_holders: who has the lock; a bigint key stands in pg_locks as its two halves (manual 53.13)
SELECT l.pid, a.application_name AS application, a.backend_type, a.state, a.backend_start AS connected_at,
    a.xact_start AS transaction_at, a.query_start AS query_at
FROM pg_catalog.pg_locks AS l
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
    AND (l.classid::bigint << 32 | l.objid::bigint) = %(key)s::bigint
    AND l.pid <> pg_catalog.pg_backend_pid()

-- table_holders: who has a lock on the table, or on a partition or child of it, that is in the way
WITH RECURSIVE locked AS (
    SELECT c.oid FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relname = %(name)s
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i JOIN locked AS p ON p.oid = i.inhparent
)
SELECT DISTINCT l.pid, a.application_name AS application, a.backend_type, a.state, a.backend_start AS connected_at,
    a.xact_start AS transaction_at, a.query_start AS query_at
FROM pg_catalog.pg_locks AS l
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted AND l.relation IN (SELECT oid FROM locked)
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
    AND l.mode = ANY (%(modes)s::text[])
    AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
ORDER BY transaction_at NULLS LAST, l.pid

-- waiters: who waits for a lock of this session's, and has one on any of these tables
SELECT DISTINCT w.pid, a.application_name AS application, a.backend_type, a.state, a.backend_start AS connected_at,
    a.xact_start AS transaction_at, a.query_start AS query_at
FROM pg_catalog.pg_locks AS w
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = w.pid
WHERE NOT w.granted AND pg_catalog.pg_backend_pid() = ANY (pg_catalog.pg_blocking_pids(w.pid))
    AND EXISTS (
        SELECT FROM pg_catalog.pg_locks AS h
        JOIN pg_catalog.pg_class AS c ON c.oid = h.relation
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        JOIN ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(names)s::text[])) AS t(schema, name)
            ON t.schema = n.nspname AND t.name = c.relname
        WHERE h.pid = w.pid AND h.granted AND h.locktype = 'relation'
            AND h.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
    )
