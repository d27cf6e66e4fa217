-- insert_staged: unseen by others until the commit. A row whose key waits is not as its source is now: a pass brings
-- it, and until then it has no home, so that nobody takes another row's for it.
WITH waiting AS MATERIALIZED (SELECT DISTINCT {keys} FROM {changed} c),
homeless AS ({homeless})
INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE
SELECT {values} FROM {staged} g
WHERE NOT g.{skipped} AND NOT EXISTS (SELECT FROM waiting w WHERE {waits})

-- homeless: a key that the row keeps is known again as soon as the row is read
UPDATE {map} m SET {no_home} FROM waiting w WHERE {mapped} AND m.state = 'mapped'

-- no_homeless: a key that was drawn belongs to its row for good
SELECT

-- take_out: delete, then insert: unique values may have moved between rows
DELETE FROM {target} t USING {fresh} f WHERE t.ctid = f.{row} AND f.{differs}

-- put_in: under the lock every fresh row must find its place
INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE
SELECT {values} FROM {fresh} f WHERE f.{there} AND f.{differs}{unskipped}

-- put_in_where_free: while sources are written, a value may still stand in a row that is changed next; so it waits
WITH put AS (
    INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE
    SELECT {values} FROM {fresh} f WHERE f.{there} AND f.{differs}{unskipped}{free}
    RETURNING {key}
), left_out AS MATERIALIZED (
    SELECT {fresh_keys} FROM {fresh} f
    WHERE f.{there} AND f.{differs}{unskipped} AND NOT EXISTS (SELECT FROM put p WHERE {same_put})
), homeless AS ({homeless_left_out})
INSERT INTO {changed} SELECT * FROM left_out

-- homeless_left_out: it has no row in the target
UPDATE {map} m SET {no_home} FROM left_out l WHERE {mapped_left_out}

-- unskipped: it does not stay behind
 AND NOT EXISTS (SELECT FROM {staged} g WHERE {same_staged} AND g.{skipped})

-- free: no row has a value that it brings; where a rule is deferrable, ON CONFLICT cannot tell
 AND NOT EXISTS (SELECT FROM {bringing} m JOIN {having} h ON {conflicting} WHERE {same_bringing})

-- twice: values that more than one row has; a deferrable rule is not looked at for a session in the replica role
SELECT {shown} FROM {rows} a JOIN {rows} b ON {conflicting} AND a.{place} < b.{place} LIMIT 5
