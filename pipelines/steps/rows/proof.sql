-- count: every pair of rows, compared by record image and, where that differs, by output
SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE {alone}),
       pg_catalog.count(*) FILTER (WHERE NOT {alone} AND {differ})
FROM {pairs} WHERE {among}

-- count_staged: every source row and its staged one as `count` does, then staged rows without a source row
-- Two joins, each of which can be shared among processes, where one FULL JOIN cannot.
SELECT a.looked + b.alone, a.alone + b.alone, a.differing
FROM (
    SELECT pg_catalog.count(*) AS looked, pg_catalog.count(*) FILTER (WHERE {alone}) AS alone,
           pg_catalog.count(*) FILTER (WHERE NOT {alone} AND {differ}) AS differing
    FROM {pairs} WHERE {unchanged}
) a, (
    SELECT pg_catalog.count(*) AS alone FROM {staged} t
    WHERE {staged_unchanged} AND NOT EXISTS (SELECT FROM {source} s WHERE {same})
) b

-- note_fresh: CASE, so that only those few are looked up among the keys that wait already
INSERT INTO {changed} SELECT {keys} FROM {pairs}
WHERE m.state IS DISTINCT FROM 'skipped' AND CASE WHEN {alone} OR {differ} THEN {unchanged} ELSE false END

-- note_staged: both sides' keys, since a row may stand alone on either
INSERT INTO {changed} SELECT {keys} FROM {pairs} WHERE {among} AND ({alone} OR {differ})

-- differences: which column of which row, and both values
SELECT {key}, v.name, v.shown_was, v.shown_became
FROM {pairs} CROSS JOIN LATERAL (VALUES {values}) v(name, was, became, shown_was, shown_became)
WHERE {among} AND v.was <> v.became LIMIT {limit}

-- staged_alone: source rows that are not staged, and staged rows that the source no longer has
SELECT {key}, {left} FROM {pairs} WHERE {alone} AND {among} LIMIT {limit}
