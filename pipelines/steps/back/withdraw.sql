-- drop_if_empty: what is kept there is written again at the next fold
DO $pgfold$
DECLARE
    holds boolean := false;
BEGIN
    IF pg_catalog.to_regclass({name}) IS NOT NULL THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || {name} || ')' INTO holds;
        IF NOT holds THEN
            DROP TABLE {table};
        END IF;
    END IF;
END $pgfold$
