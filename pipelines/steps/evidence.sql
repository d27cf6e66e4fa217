-- sample: some rows of the archive beside their rows in the target; pages are drawn, not the whole table read
SELECT {key}, ARRAY[{texts}]::pg_catalog.text[]
FROM (
    SELECT s.ctid AS source_row, t.ctid AS target_row, t.tableoid AS target_part
    FROM {source} s TABLESAMPLE pg_catalog.system ({share}) REPEATABLE ({seed})
    JOIN {map} m ON {mapped} AND m.state = 'mapped' JOIN {target} t ON {same}
    ORDER BY pg_catalog.hashtextextended(({key})::pg_catalog.text, {seed}) LIMIT {limit} OFFSET {before}
) drawn
JOIN {source} s ON s.ctid = drawn.source_row
JOIN {target} t ON t.ctid = drawn.target_row AND t.tableoid = drawn.target_part
ORDER BY pg_catalog.hashtextextended(({key})::pg_catalog.text, {seed})
