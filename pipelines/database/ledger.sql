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

-- explain_schema: say whose it is
COMMENT ON SCHEMA pgfold IS 'What pgfold remembers: runs, checkpoints, row maps, approvals. Removing it makes folds irreversible.'
