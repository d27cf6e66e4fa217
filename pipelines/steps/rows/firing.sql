-- firing: ours are named pgfold_..., and are meant to fire
SELECT n.nspname::text, c.relname::text, t.tgname::text, t.tgenabled::text
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgrelid IN ({tables}) AND NOT t.tgisinternal AND t.tgenabled IN ('A', 'R')
  AND NOT pg_catalog.starts_with(t.tgname::text, 'pgfold_')
ORDER BY 1, 2, 3
