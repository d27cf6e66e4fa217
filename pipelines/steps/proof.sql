-- count: every pair of rows, compared by record image and, where that differs, by output
SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE {alone}),
       pg_catalog.count(*) FILTER (WHERE NOT {alone} AND {differ})
FROM {pairs} WHERE {among}

-- differences: which column of which row, and both values
SELECT {key}, v.name, v.was, v.became
FROM {pairs} CROSS JOIN LATERAL (VALUES {values}) v(name, was, became)
WHERE {among} AND v.was <> v.became LIMIT {limit}

-- missing: source rows without a counterpart
SELECT {key} FROM {pairs} WHERE {alone} AND {among} LIMIT {limit}
