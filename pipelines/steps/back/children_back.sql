-- fill_rekeyed: old and new value of each key column, in turn
INSERT INTO {rekeyed} SELECT {values} FROM {home} h JOIN {target} t ON {there} {archived} WHERE {stayed}

-- unfollowed: rows that reference a row which goes home under another key
SELECT NULL::bigint, ARRAY[{key}], NULL::text, c.tableoid, c.ctid
FROM {child} c JOIN {target} t ON {same} JOIN {home} h ON {there} WHERE {stayed}

-- return_differing: the others stay as they are; a published child without a key refuses every UPDATE, of no row too
DO $pgfold$ BEGIN
    IF EXISTS (SELECT FROM {rekeyed}) THEN
        UPDATE {child} c SET {changes} FROM {rekeyed} x WHERE {same};
    END IF;
END $pgfold$

-- return_values: the old value alone says where a row goes, so all change in one statement
UPDATE {child} u SET {changes} FROM {child} c LEFT JOIN {rekeyed} x ON {same}
WHERE u.ctid = c.ctid AND u.tableoid = c.tableoid AND ({any_value})

-- make_function: the lookup that ALTER COLUMN TYPE may call for each row
CREATE OR REPLACE FUNCTION {function}({given}) RETURNS {wanted} LANGUAGE sql STABLE STRICT AS {body}
