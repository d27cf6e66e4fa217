-- What the Postgres probe asks, in one round trip.

-- activity: connections in use of those that applications may have, the longest transaction, and standbys' lag
SELECT
    (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend') AS connections,
    pg_catalog.current_setting('max_connections')::int
        - pg_catalog.current_setting('superuser_reserved_connections')::int
        - COALESCE(pg_catalog.current_setting('reserved_connections', true)::int, 0) AS most_connections,
    (
        SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity
        WHERE wait_event_type = 'Lock' AND backend_type = 'client backend'
    ) AS waiting_for_locks,
    longest.pid AS longest_pid,
    longest.usename::text AS longest_user,
    longest.application_name AS longest_application,
    longest.age_s AS longest_s,
    CASE
        WHEN pg_catalog.pg_is_in_recovery()
            AND pg_catalog.pg_last_wal_receive_lsn() IS DISTINCT FROM pg_catalog.pg_last_wal_replay_lsn()
            THEN EXTRACT(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())::float8
        WHEN NOT pg_catalog.pg_is_in_recovery()
            THEN (SELECT EXTRACT(epoch FROM pg_catalog.max(replay_lag))::float8 FROM pg_catalog.pg_stat_replication)
    END AS replication_lag_s
FROM (SELECT) AS one
LEFT JOIN LATERAL (
    SELECT a.pid, a.usename, a.application_name,
        EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::float8 AS age_s
    FROM pg_catalog.pg_stat_activity AS a
    WHERE a.xact_start IS NOT NULL AND a.backend_type = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid()
    ORDER BY a.xact_start
    LIMIT 1
) AS longest ON true
