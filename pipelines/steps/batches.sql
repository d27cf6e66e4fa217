-- bounds: the last key of every batch, in key order, as text
SELECT {key_text} FROM (
    SELECT {key}, pg_catalog.row_number() OVER (ORDER BY {key}) AS number FROM {source} s
) s WHERE s.number % {batch_rows} = 0 ORDER BY s.number
