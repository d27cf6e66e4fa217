-- sample: some rows of the archive beside their rows in the target; pages are drawn, not the whole table read
SELECT {key}, ARRAY[{texts}]::pg_catalog.text[]
FROM {source} s TABLESAMPLE pg_catalog.system ({share}) REPEATABLE ({seed})
JOIN {map} m ON {mapped} AND m.state = 'mapped' JOIN {target} t ON {same}
ORDER BY pg_catalog.hashtextextended(({key})::pg_catalog.text, {seed}) LIMIT {limit}
