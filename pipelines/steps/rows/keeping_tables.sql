-- create_row_map: where each source row went; `gone` rows were deleted in the source since, `skipped` ones stay behind
CREATE TABLE IF NOT EXISTS {table} (
    {source_key},
    {target_key},
    state text NOT NULL DEFAULT 'mapped' CHECK (state IN ('mapped', 'skipped', 'born', 'gone'))
)

-- index_row_map: found by target key when a key changes and when rows go home
CREATE INDEX IF NOT EXISTS {index} ON {table} ({key})

-- create_changed_keys: appended to by the capture trigger, consumed by each pass
CREATE TABLE IF NOT EXISTS {table} ({columns})

-- create_staging: the target's columns and generated values, without its rules and indexes
CREATE TABLE {table} (LIKE {target} INCLUDING GENERATED INCLUDING STORAGE)

-- index_staging: a pass finds the rows it replaces, by the key of the source
CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {table} ({key})
