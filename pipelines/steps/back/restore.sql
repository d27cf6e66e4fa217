-- drop_archive: never CASCADE; what a person keeps there stays
DO $pgfold$ BEGIN
    DROP SCHEMA IF EXISTS {schema};
EXCEPTION WHEN dependent_objects_still_exist THEN
    NULL;
END $pgfold$
