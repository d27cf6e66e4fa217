-- advance: setval is not undone by a rollback of the transaction; it leaves at most a gap
SELECT pg_catalog.setval({sequence}::pg_catalog.regclass, g.greatest)
FROM (SELECT GREATEST({greatest})::bigint AS greatest) g, {relation} q
WHERE g.greatest >= q.last_value
