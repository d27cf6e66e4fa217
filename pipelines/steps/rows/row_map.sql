-- gone: deleted in the source since it was mapped
UPDATE {map} m SET state = 'gone' FROM {fresh} f WHERE {same} AND NOT f.{there} AND m.state <> 'gone'

-- new: rows that the map never had
INSERT INTO {map} ({columns}) SELECT {keys} FROM {fresh} f WHERE f.{there} AND f.{state} IS NULL

-- moved: another target key, or back from being gone; a row that stays behind stays so until that is decided again
UPDATE {map} m SET {homes}, state = CASE WHEN m.state = 'skipped' THEN m.state ELSE 'mapped' END
FROM {fresh} f WHERE {same} AND f.{there} AND f.{state} IS NOT NULL
AND (f.{state} NOT IN ('mapped', 'skipped') OR {other})
