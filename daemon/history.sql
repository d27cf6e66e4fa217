-- create: everything the history consists of
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  source INTEGER NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  direction TEXT NOT NULL,
  outcome TEXT NOT NULL,
  error_type TEXT,
  duration_ns INTEGER,
  size_bytes INTEGER,
  trace_id BLOB,
  weight INTEGER NOT NULL,
  attributes TEXT
);
CREATE TABLE IF NOT EXISTS blocks (
  first_seq INTEGER PRIMARY KEY,
  last_seq INTEGER NOT NULL,
  from_us INTEGER NOT NULL,
  to_us INTEGER NOT NULL,
  kinds TEXT NOT NULL,
  outcomes TEXT NOT NULL,
  sources TEXT NOT NULL,
  traces BLOB NOT NULL,
  words TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sources (
  id INTEGER PRIMARY KEY,
  service TEXT NOT NULL,
  instance TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started_us INTEGER NOT NULL,
  label TEXT NOT NULL,
  acknowledged INTEGER NOT NULL DEFAULT 0,
  recorded INTEGER NOT NULL DEFAULT 0,
  stored INTEGER NOT NULL DEFAULT 0,
  dropped INTEGER NOT NULL DEFAULT 0,
  refused INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0,
  last_us INTEGER,
  ended INTEGER NOT NULL DEFAULT 0,
  UNIQUE (service, instance, pid, started_us)
);
CREATE TABLE IF NOT EXISTS drops (
  source INTEGER NOT NULL,
  kind TEXT NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (source, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kinds (
  source INTEGER NOT NULL,
  kind TEXT NOT NULL,
  opened INTEGER NOT NULL,
  closed INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  PRIMARY KEY (source, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS coverage (
  source INTEGER NOT NULL,
  from_us INTEGER NOT NULL,
  to_us INTEGER NOT NULL,
  PRIMARY KEY (source, from_us)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rollups (
  step_s INTEGER NOT NULL,
  dimension TEXT NOT NULL,
  at_s INTEGER NOT NULL,
  value TEXT NOT NULL,
  operations INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  events INTEGER NOT NULL,
  sized INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  buckets BLOB NOT NULL,
  PRIMARY KEY (step_s, dimension, at_s, value)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS numbering (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  instance TEXT NOT NULL,
  next_seq INTEGER NOT NULL,
  rolled_up INTEGER NOT NULL,
  beats INTEGER NOT NULL
);
INSERT OR IGNORE INTO numbering VALUES (1, lower(hex(randomblob(8))), 1, 0, 0);

-- numbering: where the numbers go on
SELECT instance, next_seq, rolled_up FROM numbering;

-- number: where they go on after this transaction
UPDATE numbering SET next_seq = :next_seq;

-- beat: a write that changes nothing but shows that writing works
UPDATE numbering SET beats = beats + 1;

-- append: one event
INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- close_block: the summary of a full block
INSERT INTO blocks VALUES (:first_seq, :last_seq, :from_us, :to_us, :kinds, :outcomes, :sources, :traces, :words);

-- last_block: the number after the last one summarised
SELECT coalesce(max(last_seq) + 1, 1) FROM blocks;

-- sources: every process known
SELECT id, service, instance, pid, started_us, label, acknowledged, recorded, stored, dropped, refused, lost, last_us,
  ended
FROM sources ORDER BY id;

-- add_source: a process that was not seen before
INSERT INTO sources (service, instance, pid, started_us, label)
VALUES (:service, :instance, :pid, :started_us, :label) RETURNING id;

-- update_source: its books
UPDATE sources
SET acknowledged = :acknowledged, recorded = :recorded, stored = :stored, dropped = :dropped, refused = :refused,
  lost = :lost, last_us = :last_us, ended = :ended
WHERE id = :id;

-- drops: by process and kind
SELECT source, kind, events FROM drops;

-- add_drops: events of a kind that a process dropped
INSERT INTO drops VALUES (:source, :kind, :events)
ON CONFLICT (source, kind) DO UPDATE SET events = events + excluded.events;

-- kinds: what each process was seen to touch
SELECT source, kind, opened, closed, last_us FROM kinds;

-- put_kind: one of them
INSERT INTO kinds VALUES (:source, :kind, :opened, :closed, :last_us)
ON CONFLICT (source, kind) DO UPDATE SET opened = excluded.opened, closed = excluded.closed,
  last_us = excluded.last_us;

-- coverage: when each process was measured
SELECT source, from_us, to_us FROM coverage ORDER BY source, from_us;

-- put_coverage: a stretch, or its new end
INSERT INTO coverage VALUES (:source, :from_us, :to_us)
ON CONFLICT (source, from_us) DO UPDATE SET to_us = excluded.to_us;

-- rollup: one cell as it is written
SELECT operations, errors, events, sized, size_bytes, buckets FROM rollups
WHERE step_s = ? AND dimension = ? AND at_s = ? AND value = ?;

-- put_rollup: its new sums
INSERT OR REPLACE INTO rollups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- rolled_up: the last number that the rollups count
UPDATE numbering SET rolled_up = :rolled_up;

-- to_roll_up: events after the last one that the rollups count
SELECT e.at_us, e.kind, e.name, e.outcome, e.duration_ns, e.size_bytes, e.weight, s.label
FROM events e JOIN sources s ON s.id = e.source WHERE e.seq > :after ORDER BY e.seq;

-- old_rollups: cells that are no longer drawn
DELETE FROM rollups WHERE step_s = :step_s AND at_s < :before_s;

-- bounds: what the history has
SELECT coalesce((SELECT min(seq) FROM events), 0), coalesce((SELECT max(seq) FROM events), 0),
  (SELECT at_us FROM events ORDER BY seq LIMIT 1);

-- old_events: the last number of the blocks that only hold events before a time
SELECT max(last_seq) FROM blocks WHERE last_seq < (
  SELECT coalesce(min(first_seq), 9223372036854775807) FROM blocks WHERE to_us >= :before_us
);

-- oldest_blocks: the last number of the oldest few blocks
SELECT max(last_seq) FROM (SELECT last_seq FROM blocks ORDER BY first_seq LIMIT :blocks);

-- forget_events: the oldest events, to a number
DELETE FROM events WHERE seq <= :last_seq;

-- forget_blocks: their summaries
DELETE FROM blocks WHERE last_seq <= :last_seq;

-- forget_coverage: stretches that end before anything kept
DELETE FROM coverage WHERE to_us < :before_us;

-- forgotten_sources: processes not heard of since a time before which no event is kept
DELETE FROM sources WHERE coalesce(last_us, 0) < :before_us RETURNING id;

-- forget_kinds: what processes touched that are forgotten
DELETE FROM kinds WHERE source NOT IN (SELECT id FROM sources);

-- forget_drops: what processes dropped that are forgotten
DELETE FROM drops WHERE source NOT IN (SELECT id FROM sources);

-- range: events between two numbers in order of their number, filtered; a null lets everything through; what is not ASCII folds its case in Python
SELECT e.seq, e.at_us, s.label, e.kind, e.name, e.direction, e.outcome, e.error_type, e.duration_ns, e.size_bytes,
  e.trace_id, e.weight, e.attributes
FROM events e JOIN sources s ON s.id = e.source
WHERE e.seq BETWEEN :first AND :last
  AND (:kinds IS NULL OR e.kind IN (SELECT value FROM json_each(:kinds)))
  AND (:outcomes IS NULL OR e.outcome IN (SELECT value FROM json_each(:outcomes)))
  AND (:sources IS NULL OR s.label IN (SELECT value FROM json_each(:sources)))
  AND (:trace IS NULL OR e.trace_id = :trace)
  AND (:after_us IS NULL OR e.at_us >= :after_us)
  AND (:before_us IS NULL OR e.at_us <= :before_us)
  AND (:plain_text IS NULL
    OR instr(lower(e.name), :plain_text) OR instr(lower(e.attributes), :plain_text) OR instr(lower(e.kind), :plain_text)
    OR instr(lower(e.error_type), :plain_text) OR instr(lower(s.label), :plain_text)
    OR length(CAST(e.attributes AS BLOB)) <> length(e.attributes) OR length(CAST(e.name AS BLOB)) <> length(e.name)
    OR length(CAST(e.kind AS BLOB)) <> length(e.kind) OR length(CAST(e.error_type AS BLOB)) <> length(e.error_type)
    OR length(CAST(s.label AS BLOB)) <> length(s.label))
ORDER BY e.seq;

-- range_back: the same, newest first
SELECT e.seq, e.at_us, s.label, e.kind, e.name, e.direction, e.outcome, e.error_type, e.duration_ns, e.size_bytes,
  e.trace_id, e.weight, e.attributes
FROM events e JOIN sources s ON s.id = e.source
WHERE e.seq BETWEEN :first AND :last
  AND (:kinds IS NULL OR e.kind IN (SELECT value FROM json_each(:kinds)))
  AND (:outcomes IS NULL OR e.outcome IN (SELECT value FROM json_each(:outcomes)))
  AND (:sources IS NULL OR s.label IN (SELECT value FROM json_each(:sources)))
  AND (:trace IS NULL OR e.trace_id = :trace)
  AND (:after_us IS NULL OR e.at_us >= :after_us)
  AND (:before_us IS NULL OR e.at_us <= :before_us)
  AND (:plain_text IS NULL
    OR instr(lower(e.name), :plain_text) OR instr(lower(e.attributes), :plain_text) OR instr(lower(e.kind), :plain_text)
    OR instr(lower(e.error_type), :plain_text) OR instr(lower(s.label), :plain_text)
    OR length(CAST(e.attributes AS BLOB)) <> length(e.attributes) OR length(CAST(e.name AS BLOB)) <> length(e.name)
    OR length(CAST(e.kind AS BLOB)) <> length(e.kind) OR length(CAST(e.error_type AS BLOB)) <> length(e.error_type)
    OR length(CAST(s.label AS BLOB)) <> length(s.label))
ORDER BY e.seq DESC;

-- count: how many events between two numbers pass a filter without a text
SELECT count(*)
FROM events e JOIN sources s ON s.id = e.source
WHERE e.seq BETWEEN :first AND :last
  AND (:kinds IS NULL OR e.kind IN (SELECT value FROM json_each(:kinds)))
  AND (:outcomes IS NULL OR e.outcome IN (SELECT value FROM json_each(:outcomes)))
  AND (:sources IS NULL OR s.label IN (SELECT value FROM json_each(:sources)))
  AND (:trace IS NULL OR e.trace_id = :trace)
  AND (:after_us IS NULL OR e.at_us >= :after_us)
  AND (:before_us IS NULL OR e.at_us <= :before_us);

-- candidates: the blocks between two numbers that can hold what is looked for
SELECT first_seq, last_seq FROM blocks
WHERE last_seq >= :first AND first_seq <= :last
  AND (:after_us IS NULL OR to_us >= :after_us)
  AND (:before_us IS NULL OR from_us <= :before_us)
  AND (:kinds IS NULL OR EXISTS (
    SELECT 1 FROM json_each(:kinds) w WHERE instr(blocks.kinds, char(10) || w.value || char(10))))
  AND (:outcomes IS NULL OR EXISTS (
    SELECT 1 FROM json_each(:outcomes) w WHERE instr(blocks.outcomes, char(10) || w.value || char(10))))
  AND (:sources IS NULL OR EXISTS (
    SELECT 1 FROM json_each(:sources) w WHERE instr(blocks.sources, char(10) || w.value || char(10))))
  AND (:trace_key IS NULL OR instr(traces, :trace_key))
  AND (:text IS NULL OR instr(words, :text))
ORDER BY first_seq;

-- summarised: the last number that the blocks cover
SELECT coalesce(max(last_seq), 0) FROM blocks;

-- series: cells of one step and dimension between two times
SELECT at_s, value, operations, errors, events, sized, size_bytes, buckets FROM rollups
WHERE step_s = :step_s AND dimension = :dimension AND at_s >= :from_s AND at_s < :to_s
ORDER BY at_s;
