-- advance: a short way by nextval, since setval could move a sequence back that somebody draws from meanwhile; setval is
-- for a way so long that nobody goes it within a statement. Neither is undone by a rollback: at most a gap is left.
SELECT CASE WHEN n.steps > 10000 THEN pg_catalog.setval({sequence}::pg_catalog.regclass, n.greatest)
            WHEN n.steps > 0 THEN (SELECT pg_catalog.max(pg_catalog.nextval({sequence}::pg_catalog.regclass))
                                   FROM pg_catalog.generate_series(1, n.steps)) END
FROM (SELECT g.greatest, pg_catalog.ceil((g.greatest - q.last_value)::numeric / {increment})::bigint
                         + CASE WHEN q.is_called THEN 0 ELSE 1 END AS steps
      FROM (SELECT GREATEST({greatest})::bigint AS greatest) g, {relation} q WHERE g.greatest >= q.last_value) n
