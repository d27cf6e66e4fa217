-- flips: rows whose mark is not what it should be
SELECT {key} FROM {staged} g WHERE g.{skipped} <> (({keys}) IN ({losers}))

-- loses_to_target: the target has the value already, in a row of its own
SELECT {keys} FROM {own} a WHERE EXISTS (SELECT FROM {other} b WHERE {equal} AND NOT ({ours}))

-- loses_to_earlier: a row of an earlier source has it
SELECT {keys} FROM {own} a WHERE EXISTS (SELECT FROM {other} b WHERE {equal})

-- loses_to_sibling: a row of the same source with a smaller key has it
SELECT {keys} FROM {own} a WHERE EXISTS (SELECT FROM {other} b WHERE {equal} AND {smaller})

-- flip: the mark changes sides
UPDATE {staged} g SET {skipped} = NOT g.{skipped} WHERE ({keys}) IN (SELECT {wanted} FROM {rows} k)

-- note_in_map: a row that stays behind has no home in the target
UPDATE {map} m SET state = CASE WHEN g.{skipped} THEN 'skipped' ELSE 'mapped' END
FROM {staged} g WHERE {same} AND (m.state = 'skipped') <> g.{skipped}

-- skipped_with_children: they would lose their parent
SELECT {key} FROM {source} s JOIN {map} m ON {mapped} AND m.state = 'skipped'
WHERE EXISTS (SELECT FROM {child} c WHERE {same}) LIMIT 20
