-- flips: rows whose mark is not what it should be
SELECT {key} FROM {staged} g WHERE g.{skipped} <> (({keys}) IN ({losers}))

-- flips_among: the same, of the rows that a pass may have changed sides of
WITH candidates AS MATERIALIZED ({candidates})
SELECT {key} FROM candidates k JOIN {staged} g ON {same} WHERE g.{skipped} <> ({loses})

-- marked: a row that stays behind is free again when the row that had its value is gone
(SELECT {keys} FROM {staged} WHERE {skipped} LIMIT {most})

-- changed: the rows of the pass
SELECT {keys} FROM {fresh}

-- sharing: rows that a row of the pass may put behind itself
SELECT {keys} FROM {other} b JOIN {own} a ON {equal}

-- loses_to_target: the target has the value already, in a row of its own
SELECT {keys} FROM {own} a WHERE EXISTS (SELECT FROM {other} b WHERE {equal} AND NOT ({ours}))

-- loses_to_earlier: a row of an earlier source has it
SELECT {keys} FROM {own} a WHERE EXISTS (SELECT FROM {other} b WHERE {equal})

-- loses_to_sibling: a row of the same source with a smaller key has it
SELECT {keys} FROM {own} a WHERE EXISTS (SELECT FROM {other} b WHERE {equal} AND {smaller})

-- one_loses: the same of one row `g`
EXISTS (SELECT FROM {own} a JOIN {other} b ON {equal} WHERE {row} AND {condition})

-- flip: the mark changes sides
UPDATE {staged} g SET {skipped} = NOT g.{skipped} WHERE ({keys}) IN (SELECT {wanted} FROM {rows} k)

-- note_in_map: a row that stays behind has no home in the target
UPDATE {map} m SET state = CASE WHEN g.{skipped} THEN 'skipped' ELSE 'mapped' END
FROM {staged} g WHERE {same} AND (m.state = 'skipped') <> g.{skipped}

-- leave: rows that lost their place after they were written; those that the pass is about to write have none yet
DELETE FROM {target} t USING {map} m, {rows} k
WHERE {mapped} AND m.state = 'mapped' AND {home} AND {ours} AND NOT EXISTS (SELECT FROM {fresh} f WHERE {coming})

-- settle: the map says the same as the marks; a row that is free again has no home until it is written
UPDATE {map} m SET state = CASE WHEN g.{skipped} THEN 'skipped' ELSE 'mapped' END{homes}
FROM {staged} g, {rows} k WHERE {mapped} AND {same}

-- home_unless_coming: known again when the row is written
, {home} = CASE WHEN g.{skipped} OR EXISTS (SELECT FROM {fresh} f WHERE {coming}) THEN m.{home} END

-- come: rows that are free again wait for the next pass, which writes them
INSERT INTO {changed} SELECT {keys} FROM {rows} k JOIN {staged} g ON {same}
WHERE NOT g.{skipped} AND NOT EXISTS (SELECT FROM {fresh} f WHERE {coming})

-- skipped_with_children: they would lose their parent
SELECT {key} FROM {staged} g JOIN {source} s ON {mapped} WHERE g.{skipped}
AND EXISTS (SELECT FROM {child} c WHERE {same}) LIMIT 20
