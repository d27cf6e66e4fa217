-- bounds: the last key of every batch, in key order, as text; a source may have a column `number` itself
SELECT {key_text} FROM (
    SELECT {keys}, pg_catalog.row_number() OVER (ORDER BY {key}) AS number FROM {source} s
) b WHERE b.number % {batch_rows} = 0 ORDER BY b.number
