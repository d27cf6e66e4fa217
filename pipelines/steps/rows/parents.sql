-- hold_staged: as the foreign key's own check takes it; a parent that somebody is deleting is not waited for
SELECT FROM {parent} p WHERE {foreign} AND EXISTS (SELECT FROM {staged} m WHERE {same}) FOR KEY SHARE OF p NOWAIT

-- hold_fresh: the same for the rows of a pass
SELECT FROM {parent} p WHERE {foreign} AND EXISTS (
    SELECT FROM {fresh} m WHERE m.{there} AND m.{differs} AND {same}
) FOR KEY SHARE OF p NOWAIT

-- orphans: rows of the target that this fold wrote; those whose keys wait are left out
SELECT {values} FROM {target} m JOIN {map} r ON {mapped} AND r.state = 'mapped'
WHERE {missing} AND {unchanged} LIMIT 20

-- fresh_orphans: the same for the rows of a pass
SELECT {values} FROM {fresh} m WHERE m.{there} AND m.{differs} AND CASE WHEN {missing} THEN {unchanged} ELSE false END
LIMIT 20
