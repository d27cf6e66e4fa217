-- freeze_function: one for all archived tables; the fold's name is the trigger's argument
CREATE OR REPLACE FUNCTION pgfold.refuse_write() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $pgfold$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'read_only_sql_transaction',
        MESSAGE = pg_catalog.format('%s.%s was folded (%s) and is kept as it was: pgfold rollback %s brings it back',
                                    TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_ARGV[0], TG_ARGV[0]);
END $pgfold$

-- freeze: statement triggers, so that an empty DELETE is refused too
CREATE OR REPLACE TRIGGER {trigger} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION pgfold.refuse_write({fold})

-- key_changes: what one statement changes; emptied by its statement trigger, by transaction, so that others' stay
CREATE TABLE IF NOT EXISTS {changes} AS
SELECT {old}, {new}, pg_catalog.pg_current_xact_id() AS by_transaction FROM {first_map} WHERE false

-- key_function: notes a changed key; SECURITY DEFINER, since the application may not write here
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $pgfold$
BEGIN
    INSERT INTO {changes} VALUES ({old}, {new}, pg_catalog.pg_current_xact_id());
    RETURN NULL;
END $pgfold$

-- move_keys: all at once, so that keys which swap are told apart; a deleted row whose key another row takes has none
UPDATE {map} m SET {no_key} FROM {changes} c
WHERE {arrives} AND c.by_transaction = pg_catalog.pg_current_xact_id()
  AND NOT EXISTS (SELECT FROM {changes} c WHERE {same} AND c.by_transaction = pg_catalog.pg_current_xact_id());
UPDATE {map} m SET {set} FROM {changes} c
WHERE {same} AND m.state = 'mapped' AND c.by_transaction = pg_catalog.pg_current_xact_id();

-- keys_function: runs after the row triggers of the same statement
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $pgfold$
BEGIN
    IF EXISTS (SELECT FROM {changes} c WHERE c.by_transaction = pg_catalog.pg_current_xact_id_if_assigned()) THEN
        {moves}
        DELETE FROM {changes} c WHERE c.by_transaction = pg_catalog.pg_current_xact_id();
    END IF;
    RETURN NULL;
END $pgfold$

-- key_triggers: always fire, also for a session in the replica role
DO $pgfold$ BEGIN
    CREATE OR REPLACE TRIGGER {row_trigger} AFTER UPDATE ON {target} FOR EACH ROW
        WHEN (ROW({old}) IS DISTINCT FROM ROW({new})) EXECUTE FUNCTION {row_function}();
    ALTER TABLE {target} ENABLE ALWAYS TRIGGER {row_trigger};
    CREATE OR REPLACE TRIGGER {statement_trigger} AFTER UPDATE ON {target}
        FOR EACH STATEMENT EXECUTE FUNCTION {statement_function}();
    ALTER TABLE {target} ENABLE ALWAYS TRIGGER {statement_trigger};
END $pgfold$
