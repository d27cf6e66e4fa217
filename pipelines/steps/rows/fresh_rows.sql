-- create: a row for each changed key, with what its source says now; emptied by each commit
CREATE TEMPORARY TABLE {fresh} (
    {keys},
    {there} boolean NOT NULL,
    {homes},
    {state} text,
    {row} tid,
    {differs} boolean NOT NULL,
    {columns}
) ON COMMIT DELETE ROWS

-- taken: keys are consumed by the statement that reads their rows, so both are of one moment
{taken} AS (DELETE FROM {changed} c {limit} RETURNING {keys})

-- limited: so many at once
WHERE c.ctid = ANY (ARRAY(SELECT ctid FROM {changed} LIMIT {limit}))

-- filled: the row, its home in the map, and the row `d` that stands there
{filled} AS (
    INSERT INTO {fresh} ({columns})
    SELECT {taken_keys}, {present}, {home}, m.state, d.ctid,
           CASE WHEN NOT {present} OR d.ctid IS NULL THEN true ELSE {differ} END, {values}
    FROM (SELECT DISTINCT {keys} FROM {taken} ORDER BY {keys}) k
    LEFT JOIN {source} s ON {same_source}
    LEFT JOIN {map} m ON {same_map}
    LEFT JOIN {standing} d ON {same_standing}{kept}
    LEFT JOIN LATERAL (SELECT {made} WHERE {present} OFFSET 0) v ON true
    RETURNING {there} AS there, {state} AS state, {row} AS standing, {differs} AS differs, {moves} AS moves
)

-- counted: how many there are, are gone, are new to the map, have to move in it, must leave and must come
SELECT {number}, pg_catalog.count(*),
       pg_catalog.count(*) FILTER (WHERE NOT there AND state <> 'gone'),
       pg_catalog.count(*) FILTER (WHERE there AND state IS NULL),
       pg_catalog.count(*) FILTER (WHERE moves),
       pg_catalog.count(*) FILTER (WHERE differs AND standing IS NOT NULL),
       pg_catalog.count(*) FILTER (WHERE differs AND there)
FROM {filled}

-- follow: values that read the row map, once it has every key of this pass
UPDATE {fresh} f SET {changes}, {differs} = true
FROM {source} s{joins} WHERE {same} AND f.{there}

-- waiting: how many keys wait, up to a limit
SELECT pg_catalog.count(*) FROM (SELECT FROM {changed} LIMIT {limit}) c
