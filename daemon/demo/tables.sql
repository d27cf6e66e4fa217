-- create: the demo's own tables, in a schema of their own
SET lock_timeout = '5s';
CREATE SCHEMA IF NOT EXISTS demo;
CREATE TABLE IF NOT EXISTS demo.conversations (id int PRIMARY KEY, title text NOT NULL);
CREATE TABLE IF NOT EXISTS demo.messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conversation int NOT NULL REFERENCES demo.conversations,
    body text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS demo.files (id int PRIMARY KEY, conversation int NOT NULL, size_bytes int NOT NULL);
CREATE INDEX IF NOT EXISTS messages_conversation ON demo.messages (conversation, id);
INSERT INTO demo.conversations SELECT n, 'conversation ' || n FROM generate_series(1, 50) AS n ON CONFLICT DO NOTHING;
INSERT INTO demo.files SELECT n, 1 + n % 50, 1000 * n FROM generate_series(1, 200) AS n ON CONFLICT DO NOTHING;
