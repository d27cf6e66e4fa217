-- take: nobody writes any more
INSERT INTO {seen} SELECT DISTINCT * FROM {changed}

-- find_again: by where the row is now, by where it was, and every one where the target was emptied
INSERT INTO {again}
SELECT {keys} FROM {map} m JOIN {seen} k ON {by_map} WHERE m.state IN ('mapped', 'born')
UNION
SELECT {home_keys} FROM {home} h JOIN {seen} k ON {by_home}
UNION
SELECT {keys} FROM {map} m WHERE m.state IN ('mapped', 'born') AND {homeless}
UNION
SELECT {keys} FROM {map} m WHERE m.state IN ('mapped', 'born') AND EXISTS (SELECT FROM {seen} k WHERE {emptied})

-- forget_home: it is filled again
DELETE FROM {home} h USING {again} a WHERE {same}

-- forget_kept: it is kept again
DELETE FROM {kept} o USING {again} a WHERE {same}
