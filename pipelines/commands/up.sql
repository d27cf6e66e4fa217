-- What `pgfold up` asks of the embedded database.

-- has_tables: whether anybody has made a table yet, besides pgfold's own and what it archived
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f')
        AND n.nspname NOT LIKE 'pg\_%'
        AND n.nspname <> 'information_schema'
        AND n.nspname NOT LIKE 'pgfold%'
        AND c.relname <> 'schema_migrations'
)
