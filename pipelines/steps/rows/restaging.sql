-- unstage: deleted in the source since it was staged
DELETE FROM {staged} g USING {fresh} f WHERE {same} AND NOT f.{there}

-- restage: changed since; in place, since staging holds no unique value but the source's key
UPDATE {staged} g SET {changes} FROM {fresh} f WHERE {same} AND f.{there} AND f.{differs}

-- stage: new since
INSERT INTO {staged} ({columns}) SELECT {values} FROM {fresh} f WHERE f.{there} AND {missing}

-- not_staged: of the target's rows nobody knows whether they are staged
NOT EXISTS (SELECT FROM {staged} g WHERE {same})
