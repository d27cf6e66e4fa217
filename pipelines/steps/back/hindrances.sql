-- create: one row for each hindrance and row in the way
CREATE TEMPORARY TABLE {found} (
    hindrance int NOT NULL,
    source int NOT NULL,
    id bigint,
    key text[] NOT NULL,
    value text,
    relation oid,
    place tid,
    blame text[] NOT NULL,
    aside boolean NOT NULL DEFAULT false
)

-- find: note the rows of one hindrance, unless the same values were to blame before
INSERT INTO {found} (hindrance, source, id, key, value, relation, place, blame)
SELECT {number}, {source}, r.id, r.key, r.value, r.relation, r.place, {blame}
FROM ({rows}) r(id, key, value, relation, place)
WHERE NOT EXISTS (SELECT FROM {found} f WHERE f.source = {source} AND f.id = r.id AND f.blame && {blame} AND NOT f.aside)

-- count: by hindrance
SELECT hindrance, pg_catalog.count(*) FROM {found} WHERE aside = {aside} GROUP BY hindrance

-- list: the first of one hindrance
SELECT key, value FROM {found} WHERE hindrance = {number} AND aside = {aside} ORDER BY key COLLATE "C", value LIMIT {limit}
