-- update_values: same type, other values, under the cut-over's lock
UPDATE {child} t SET {changes} WHERE {any_value}

-- make_function: the lookup that ALTER COLUMN TYPE may call for each row
CREATE OR REPLACE FUNCTION {function}({given}) RETURNS {wanted} LANGUAGE sql STABLE STRICT SET search_path = '' AS {body}

-- add_key: the same name, rules and timing as the key it replaces
ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({columns}) REFERENCES {references} ({references_columns}){match}
ON UPDATE {on_update} ON DELETE {on_delete}{deferrable}{not_valid}
