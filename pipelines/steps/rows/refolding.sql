-- release_keys: before the cut-over every row of the target is its own
UPDATE {map} m SET {no_key} WHERE EXISTS (SELECT FROM {target} t WHERE {same})

-- release_values: a new one is drawn instead
UPDATE {kept} o SET kept = o.kept - {name}::text
WHERE o.kept ? {name} AND EXISTS (SELECT FROM {target} t WHERE {column} = (o.kept ->> {name})::{type})

-- follow_kept: what a source's own key became is what the child says by now; where there is none, the child is not touched
DO $pgfold$ BEGIN
    IF EXISTS (SELECT FROM {kept} o WHERE o.forwards ?| {places}) THEN
        UPDATE {child} c SET {changes}
        FROM {kept} o JOIN {source} s ON {same_kept} JOIN {map} m ON {mapped} JOIN {target} t ON {there}
        WHERE o.forwards ?| {places} AND m.state = 'mapped' AND {said};
    END IF;
END $pgfold$
