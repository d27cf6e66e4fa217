-- set_back: under a lock that lets no row in which has drawn a value
LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE;
SELECT pg_catalog.setval({sequence}::pg_catalog.regclass, {last_value}, {is_called}) FROM {relation} q
WHERE {undisturbed} AND NOT EXISTS (SELECT FROM {table} WHERE {column} {beyond} {last_value}
                                    OR (NOT {is_called} AND {column} = {last_value}))

-- pass_edits: as a fold does for the target
SELECT pg_catalog.setval({sequence}::pg_catalog.regclass, g.greatest)
FROM (SELECT pg_catalog.max({column})::bigint AS greatest FROM {home} h WHERE {written}) g, {relation} q
WHERE g.greatest > q.last_value OR (g.greatest = q.last_value AND NOT q.is_called)
