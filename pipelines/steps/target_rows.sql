-- insert: from staging, unseen by others until the commit
INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE
SELECT {values} FROM {staged} g WHERE NOT g.{skipped} AND {rows}{on_conflict}

-- requeue: not in the target although it should be
INSERT INTO {changed} SELECT {key} FROM {staged} g
WHERE NOT g.{skipped} AND {rows} AND NOT EXISTS (SELECT FROM {target} t WHERE {same})

-- take_out: delete, then insert: unique values may have moved between rows
DELETE FROM {target} t USING {staged} g WHERE {same} AND NOT g.{skipped} AND {rows}

-- hold_parents: FOR KEY SHARE, as the foreign key's own check takes it
SELECT FROM {parent} p WHERE EXISTS (SELECT FROM {staged} g WHERE {same}) FOR KEY SHARE OF p

-- orphans: a key with a NULL in it references nothing
SELECT {values} FROM {target} t JOIN {map} m ON {mapped} AND m.state = 'mapped'
WHERE {present} AND NOT EXISTS (SELECT FROM {parent} p WHERE {same}) LIMIT 20
