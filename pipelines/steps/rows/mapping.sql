-- map_rows: a home for each source row
INSERT INTO {map} AS m ({columns}) SELECT {source_key}, {target_key} FROM {source} s{kept} WHERE {rows} {on_conflict}

-- map_again: the row is in the map; also when it was gone in between
 ON CONFLICT ({key}) DO UPDATE SET state = 'mapped'{kept_key}

-- stage_rows: the forward direction of the lens
INSERT INTO {staged} ({columns})
SELECT {source_key}, {values} FROM {source} s{joins} WHERE {rows}
