-- map_rows: a home for each source row
INSERT INTO {map} AS m ({columns}) SELECT {source_key}, {target_key} FROM {source} s{kept} WHERE {rows} {on_conflict}

-- map_again: the row is in the map; also when it was gone in between
 ON CONFLICT ({key}) DO UPDATE SET state = 'mapped'{kept_key}

-- stage_rows: the forward direction of the lens
INSERT INTO {staged} ({columns})
SELECT {source_key}, {values} FROM {source} s{joins} WHERE {rows} {on_conflict}

-- replace_staged: values drawn from a default stay as first drawn
 ON CONFLICT ({key}) DO UPDATE SET {changes}

-- unstage_missing: deleted in the source since it was staged
DELETE FROM {staged} g USING {keys} k WHERE {same} AND NOT EXISTS (SELECT FROM {source} s WHERE {in_source})

-- mark_gone: deleted in the source since it was mapped
UPDATE {map} m SET state = 'gone' FROM {keys} k WHERE {same} AND NOT EXISTS (SELECT FROM {source} s WHERE {in_source})

-- take_changed: DELETE and use in one transaction, so that a killed pass loses no key
DELETE FROM {changed} c WHERE c.ctid = ANY (ARRAY(SELECT ctid FROM {changed} LIMIT {limit})) RETURNING {key}
