-- Reading what the server made of an expression.

-- view_tree: the query tree of the temporary view, as the parser left it: no function is inlined, no constant folded
SELECT w.ev_action::text, c.relnatts::int
FROM pg_rewrite w
JOIN pg_class c ON c.oid = w.ev_class
WHERE w.ev_class = to_regclass('pg_temp.pgfold_expression') AND w.rulename = '_RETURN'

-- conversions: input functions of the types converted to, output functions of the types that are read
SELECT t.typinput::oid FROM pg_type t WHERE t.oid = ANY (%(targets)s::oid[])
UNION
SELECT t.typoutput::oid FROM pg_type t WHERE t.oid = ANY (%(sources)s::oid[])

-- temporary_grant: the statement that lets this role make temporary views, where it may not
SELECT format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), current_user)
WHERE NOT has_database_privilege(current_database(), 'TEMP')
