-- take_back: a LATERAL cannot read the row that is updated, so the table is joined with itself
UPDATE {home} h SET {changes}, {failures} = x.reasons
FROM (SELECT {id} AS id, {values}, {reasons} AS reasons
      FROM {home} h JOIN {target} t ON {same}{attempts} WHERE {fate} <> 'deleted' AND {among}) x
WHERE {id} = x.id

-- compute: what a generated column cannot compute is a reason too
UPDATE {home} h SET {changes}, {failures} = ({old_failures} - {names}::pg_catalog.text[]) || x.reasons
FROM (SELECT {id} AS id, {values}, {reasons} AS reasons FROM {home} h{attempts} WHERE {fate} <> 'deleted') x
WHERE {id} = x.id

-- set_aside: the columns that are to blame, or every edited one where none of those was edited
WITH changed AS (
    UPDATE {home} h SET {aside} = {old_aside} || b.columns{changes}
    FROM (
        SELECT {id} AS id, pg_catalog.array_agg(DISTINCT c.name) AS columns
        FROM {home} h
        JOIN {found} f ON f.source = {source} AND f.id = {id} AND NOT f.aside
        CROSS JOIN LATERAL (SELECT ARRAY(SELECT pg_catalog.unnest({edited})
                                         EXCEPT SELECT pg_catalog.unnest({old_aside}))) o(columns)
        CROSS JOIN LATERAL pg_catalog.unnest(
            CASE WHEN f.blame && o.columns
                THEN ARRAY(SELECT pg_catalog.unnest(f.blame) INTERSECT SELECT pg_catalog.unnest(o.columns))
                ELSE o.columns END
        ) c(name)
        WHERE {fate} = 'edited'
        GROUP BY {id}
    ) b, {archived} s
    WHERE {id} = b.id AND {same_archived}
    RETURNING {id} AS id
)
UPDATE {found} f SET aside = true FROM changed WHERE f.source = {source} AND f.id = changed.id AND NOT f.aside
