-- in_force: what a rollback by pgfold would refuse too
DO $pgfold$
DECLARE
    later text;
BEGIN
    IF NOT EXISTS (SELECT FROM pgfold.folds f WHERE f.name = {fold} AND f.standing IN ('folded', 'dropped')) THEN
        RAISE EXCEPTION USING MESSAGE = {fold} || ' is not folded, so there is nothing to undo';
    END IF;
    SELECT o.name INTO later FROM pgfold.folds o JOIN pgfold.folds f ON f.name = {fold}
    WHERE o.name <> f.name AND o.standing IN ('folded', 'dropped') AND o.cut_over_at > f.cut_over_at
      AND EXISTS (SELECT FROM pgfold.fold_tables t WHERE t.fold = o.name AND t.table_schema = {schema}
                  AND t.table_name = {target} AND t.role <> 'child')
    LIMIT 1;
    IF later IS NOT NULL THEN
        RAISE EXCEPTION USING MESSAGE = later || ' was folded after ' || {fold} || ': undo it first';
    END IF;
END $pgfold$

-- refuse: with the first rows
DO $pgfold$
DECLARE
    rows text;
BEGIN
    SELECT pg_catalog.string_agg(pg_catalog.array_to_string(f.key, ', ')
                                 || COALESCE(' (' || f.value || ')', ''), '; ') INTO rows
    FROM (SELECT * FROM {found} WHERE hindrance = {number} ORDER BY key LIMIT 10) f;
    IF rows IS NOT NULL THEN
        RAISE EXCEPTION USING MESSAGE = {table} || ': ' || {reason}, DETAIL = rows,
            HINT = 'pgfold rollback --to backup --set-aside keeps such rows for the next fold.';
    END IF;
END $pgfold$

-- refuse_children: by every key that the catalog has now, but those that the fold made
DO $pgfold$
DECLARE
    key record;
    rows bigint;
BEGIN
    FOR key IN
        SELECT k.conname, k.conrelid::pg_catalog.regclass AS child, k.conrelid = k.confrelid AS own,
            (SELECT pg_catalog.string_agg(pg_catalog.format('t.%I = c.%I', r.attname, a.attname), ' AND ')
             FROM ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) u(number, referenced)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number
             JOIN pg_catalog.pg_attribute r ON r.attrelid = k.confrelid AND r.attnum = u.referenced) AS same
        FROM pg_catalog.pg_constraint k
        JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE k.contype = 'f' AND k.confrelid = {target}::pg_catalog.regclass AND k.conparentid = 0
          AND NOT pg_catalog.concat(n.nspname, '.', c.relname, '.', k.conname) = ANY ({ours})
    LOOP
        EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %s c JOIN %s t ON %s WHERE %s AND %s',
            key.child, {target}, key.same, {going}, CASE WHEN key.own THEN 'NOT ' || {own} ELSE 'true' END) INTO rows;
        IF rows > 0 THEN
            RAISE EXCEPTION USING MESSAGE = pg_catalog.format(
                '%s of %s references a row of %s that goes home: %s', key.conname, key.child,
                {target}::pg_catalog.regclass, rows),
                HINT = 'Delete them first, or pgfold rollback --to backup --set-aside keeps them for the next fold.';
        END IF;
    END LOOP;
END $pgfold$

-- silence: those that fire in the replica role too
CREATE TEMPORARY TABLE pgfold_firing ON COMMIT DROP AS
SELECT t.tgrelid::pg_catalog.regclass AS relation, t.tgname, t.tgenabled
FROM pg_catalog.pg_trigger t
WHERE t.tgrelid IN (SELECT pg_catalog.to_regclass(n)::oid FROM pg_catalog.unnest({tables}) n) AND NOT t.tgisinternal
  AND t.tgenabled IN ('A', 'R') AND NOT pg_catalog.starts_with(t.tgname::text, 'pgfold_');
DO $pgfold$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT * FROM pg_temp.pgfold_firing LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER %I', found.relation, found.tgname);
    END LOOP;
END $pgfold$

-- wake: each as it was
DO $pgfold$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT * FROM pg_temp.pgfold_firing LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE %s TRIGGER %I', found.relation,
            CASE found.tgenabled WHEN 'A' THEN 'ALWAYS' ELSE 'REPLICA' END, found.tgname);
    END LOOP;
END $pgfold$

-- note: the fold run is rolled back, here and in schema_migrations; approvals of it are over
DO $pgfold$
DECLARE
    folded record;
BEGIN
    SELECT r.* INTO STRICT folded FROM pgfold.folds f JOIN pgfold.runs r ON r.id = f.run WHERE f.name = {fold};
    UPDATE pgfold.folds SET standing = 'rolled_back' WHERE name = {fold};
    UPDATE pgfold.runs SET status = 'rolled_back', finished_at = COALESCE(finished_at, pg_catalog.now())
    WHERE id = folded.id;
    UPDATE pgfold.approvals SET withdrawn_at = pg_catalog.now() WHERE fold = {fold} AND withdrawn_at IS NULL;
    EXECUTE pg_catalog.format('UPDATE %I.schema_migrations SET status = ''rolled_back'' WHERE id = $1',
                              folded.tracking_schema) USING folded.id;
END $pgfold$
