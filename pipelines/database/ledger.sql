-- The ledger as a whole: is it there, in which version, whose.

-- exists: whether schema pgfold has Alembic's version table; no privilege is needed to ask
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'pgfold' AND c.relname = 'alembic_version'
)

-- revision: the revision that schema pgfold is at
SELECT version_num FROM pgfold.alembic_version

-- schema_exists: whether there is a schema pgfold, be it ours or not
SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'pgfold')

-- relations: what a schema pgfold holds that has no version table
SELECT c.relname FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'pgfold' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
ORDER BY c.relname

-- create_schema: make schema pgfold
CREATE SCHEMA pgfold

-- close_schema: default privileges may have opened it, and it holds keys and values of rows
DO $pgfold$
DECLARE
    other record;
BEGIN
    FOR other IN
        SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::text END AS role
        FROM pg_catalog.pg_namespace AS n CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS a
        WHERE n.nspname = 'pgfold' AND a.grantee <> n.nspowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON SCHEMA pgfold FROM %s', other.role);
    END LOOP;
END $pgfold$

-- explain_schema: say whose it is
COMMENT ON SCHEMA pgfold IS 'What pgfold remembers: runs, checkpoints, row maps, approvals. Removing it makes folds irreversible.'
