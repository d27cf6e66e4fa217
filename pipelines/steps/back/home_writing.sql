-- take_out: delete, then insert: unique values may have moved between rows
DELETE FROM {archived} s USING {home} h WHERE {same} AND ({fate} = 'deleted' OR {written})

-- write: without generated columns
INSERT INTO {archived} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} FROM {home} h WHERE {written}

-- mark_gone: deleted in the target, so deleted in the source
UPDATE {map} m SET state = 'gone' FROM {home} h WHERE {same} AND {fate} = 'deleted'

-- forget_old_keys: before the new ones are noted: keys may have swapped
DELETE FROM {map} m USING {home} h WHERE {same} AND {written} AND {moved}

-- note_new_keys: a key may have belonged to a row that is gone
INSERT INTO {map} ({columns}) SELECT {source_key}, {target_key} FROM {home} h WHERE {written} AND {moved}
ON CONFLICT ({key}) DO UPDATE SET state = 'mapped', {changes}

-- let_go: a row's home is what the row map says
DELETE FROM {target} t USING {map} m WHERE {there} AND m.state IN ('mapped', 'born')

-- settle: a row that was born has a past from now on
UPDATE {map} m SET state = {state} FROM {home} h WHERE {same} AND {fate} = 'born'
