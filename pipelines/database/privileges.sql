-- What the connected role may do, as ServerFacts has it (PostgreSQL manual 9.27.2, access privilege inquiry).

-- server: the version, the role and its general rights
SELECT
    current_setting('server_version_num')::int AS version,
    r.rolname::text AS role,
    r.rolsuper AS is_superuser,
    has_parameter_privilege(r.oid, 'session_replication_role', 'SET') AS may_replicate,
    has_database_privilege(r.oid, current_database(), 'CREATE') AS may_create_schema,
    current_database()::text AS database
FROM pg_roles r
WHERE r.rolname = current_user

-- missing: the statements that give this role what folding takes; %(altered)s must be owned, %(parents)s only read
WITH RECURSIVE me AS (
    SELECT r.oid, r.rolname, r.rolinherit, r.rolsuper OR r.rolbypassrls AS sees_all,
        current_setting('server_version_num')::int >= 160000 AS inherits_by_grant
    FROM pg_roles r
    WHERE r.rolname = current_user
), altered AS (
    SELECT unnest(%(altered)s::oid[]) AS oid
    UNION
    SELECT i.inhrelid FROM altered JOIN pg_inherits i ON i.inhparent = altered.oid
), involved AS (
    SELECT c.oid, c.relnamespace, c.relkind, c.relowner, c.relrowsecurity, c.relforcerowsecurity, o.rolsuper,
        format('%%I.%%I', n.nspname, c.relname) AS name, n.nspname, line.alters,
        pg_has_role(me.oid, c.relowner, 'USAGE') AS owned
    FROM (
        SELECT oid, true FROM altered
        UNION ALL
        SELECT oid, false FROM unnest(%(parents)s::oid[]) AS oid WHERE oid NOT IN (SELECT oid FROM altered)
    ) AS line(oid, alters)
    JOIN pg_class c ON c.oid = line.oid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_roles o ON o.oid = c.relowner
    CROSS JOIN me
), wanted(rank, statement) AS (
    SELECT 1, format('GRANT CREATE ON DATABASE %%I TO %%I', current_database(), rolname)
    FROM me WHERE NOT has_database_privilege(me.oid, current_database(), 'CREATE')
    UNION
    SELECT 2, format('GRANT USAGE ON SCHEMA %%I TO %%I', t.nspname, me.rolname)
    FROM involved t CROSS JOIN me WHERE NOT has_schema_privilege(me.oid, t.relnamespace, 'USAGE')
    UNION
    -- An archived table comes home, and a view takes its name: both need CREATE there.
    SELECT 3, format('GRANT CREATE ON SCHEMA %%I TO %%I', t.nspname, me.rolname)
    FROM involved t CROSS JOIN me
    WHERE t.oid = ANY (%(named)s::oid[]) AND NOT has_schema_privilege(me.oid, t.relnamespace, 'CREATE')
    UNION
    -- Membership in a superuser's role would give far more than the table.
    SELECT 4, CASE
        WHEN t.rolsuper THEN format('ALTER TABLE %%s OWNER TO %%I', t.name, me.rolname)
        WHEN me.inherits_by_grant THEN
            format('GRANT %%I TO %%I WITH INHERIT TRUE', pg_get_userbyid(t.relowner), me.rolname)
        ELSE format('GRANT %%I TO %%I', pg_get_userbyid(t.relowner), me.rolname) END
    FROM involved t CROSS JOIN me WHERE t.alters AND NOT t.owned
    UNION
    SELECT 5, format('ALTER ROLE %%I INHERIT', me.rolname)
    FROM involved t CROSS JOIN me
    WHERE t.alters AND NOT t.owned AND NOT t.rolsuper AND NOT me.inherits_by_grant AND NOT me.rolinherit
    UNION
    -- A table that is, or will be, ours has these by its owner unless they were revoked. FOR KEY SHARE on a parent
    -- takes UPDATE as well as SELECT (manual, SELECT, The Locking Clause).
    SELECT 6, format('GRANT %%s ON TABLE %%s TO %%I', string_agg(p.name, ', ' ORDER BY p.place), t.name, me.rolname)
    FROM involved t
    CROSS JOIN me
    JOIN (VALUES (1, 'SELECT', true), (2, 'INSERT', false), (3, 'UPDATE', true), (4, 'DELETE', false),
                 (5, 'REFERENCES', true), (6, 'TRIGGER', false)) AS p(place, name, of_parents)
        ON t.alters OR p.of_parents
    WHERE t.relkind IN ('r', 'p', 'f') AND NOT has_table_privilege(
        CASE WHEN t.owned OR NOT t.alters THEN me.oid ELSE t.relowner END, t.oid, p.name)
    GROUP BY t.name, me.rolname
    UNION
    SELECT 7, format('ALTER ROLE %%I BYPASSRLS', me.rolname)
    FROM involved t CROSS JOIN me
    WHERE t.relrowsecurity AND NOT me.sees_all AND (t.relforcerowsecurity OR NOT t.alters AND NOT t.owned)
)
SELECT statement FROM wanted ORDER BY rank, statement COLLATE "C"

-- try_replica: what a managed service may allow though its catalog denies it
SET LOCAL session_replication_role = replica
