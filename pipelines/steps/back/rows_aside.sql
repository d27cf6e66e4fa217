-- tables: each table with rows that are set aside, and its columns that can be written
SELECT n.nspname::text, c.relname::text,
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum)
FROM (SELECT DISTINCT relation FROM {found} WHERE aside AND place IS NOT NULL) f
JOIN pg_catalog.pg_class c ON c.oid = f.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 2

-- set_aside: a row once, with the first reason of several
WITH aside AS (
    SELECT DISTINCT ON (f.place) f.place, CASE f.hindrance {reasons} END AS reason, f.value
    FROM {found} f WHERE f.aside AND f.relation = {regclass}::pg_catalog.regclass ORDER BY f.place, f.hindrance
), gone AS (
    DELETE FROM {table} r USING aside a WHERE r.ctid = a.place
    RETURNING ARRAY[{values}]::pg_catalog.text[] AS row, a.reason, a.value
)
INSERT INTO pgfold.set_aside (fold, run, table_schema, table_name, "row", reason, set_aside_at)
SELECT {fold}, {run}, {schema}, {name}, pg_catalog.jsonb_object({names}, g.row),
    pg_catalog.replace(g.reason, '{{value}}', COALESCE(pg_catalog.quote_literal(g.value), 'NULL')), {at}
FROM gone g

-- put_back_function: again and again while it helps, since a row may reference another one that comes back later
CREATE OR REPLACE FUNCTION pgfold.put_back(wanted text) RETURNS bigint LANGUAGE plpgsql SET search_path = '' AS $pgfold$
DECLARE
    kept record;
    put bigint := 0;
    put_before bigint;
BEGIN
    LOOP
        put_before := put;
        FOR kept IN SELECT s.id FROM pgfold.set_aside s WHERE s.fold = wanted AND s.put_back_at IS NULL ORDER BY s.id LOOP
            BEGIN
                put := put + pgfold.put_back_row(kept.id);
            EXCEPTION WHEN integrity_constraint_violation OR data_exception THEN
                NULL;
            END;
        END LOOP;
        EXIT WHEN put = put_before;
    END LOOP;
    RETURN put;
END $pgfold$

-- put_back_row_function: triggers sleep in the replica role, those of foreign keys too, so parents are looked for here
CREATE OR REPLACE FUNCTION pgfold.put_back_row(wanted bigint) RETURNS int LANGUAGE plpgsql SET search_path = '' AS $pgfold$
DECLARE
    kept record;
    relation regclass;
    columns text;
    placed text;
    place tid;
    lacking text;
    orphaned boolean;
BEGIN
    SELECT s.* INTO kept FROM pgfold.set_aside s WHERE s.id = wanted;
    relation := pg_catalog.to_regclass(pg_catalog.format('%I.%I', kept.table_schema, kept.table_name));
    SELECT pg_catalog.string_agg(pg_catalog.format('%I', a.attname), ', ' ORDER BY a.attnum),
           pg_catalog.string_agg(pg_catalog.format('($1 ->> %L)::%s', a.attname,
                                 pg_catalog.format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
    INTO columns, placed
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND kept."row" ? a.attname::text;
    IF columns IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE pg_catalog.format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s RETURNING ctid',
                              relation, columns, placed) INTO place USING kept."row";
    FOR lacking IN
        SELECT pg_catalog.format(
            'SELECT EXISTS (SELECT FROM ONLY %s c WHERE c.ctid = $1 AND %s AND NOT EXISTS (SELECT FROM %s p WHERE %s))',
            relation,
            (SELECT pg_catalog.string_agg(pg_catalog.format('c.%I IS NOT NULL', a.attname), ' AND ')
             FROM pg_catalog.unnest(k.conkey) u(number)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number),
            k.confrelid::pg_catalog.regclass,
            (SELECT pg_catalog.string_agg(pg_catalog.format('p.%I = c.%I', r.attname, a.attname), ' AND ')
             FROM ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) u(number, referenced)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number
             JOIN pg_catalog.pg_attribute r ON r.attrelid = k.confrelid AND r.attnum = u.referenced)
        )
        FROM pg_catalog.pg_constraint k
        WHERE k.conrelid = relation AND k.contype = 'f'
    LOOP
        EXECUTE lacking INTO orphaned USING place;
        IF orphaned THEN
            RAISE foreign_key_violation;
        END IF;
    END LOOP;
    UPDATE pgfold.set_aside s SET put_back_at = pg_catalog.now() WHERE s.id = wanted;
    RETURN 1;
END $pgfold$
