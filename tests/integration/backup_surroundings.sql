-- Tables with everything that can belong to a table or be about one, and default privileges that are against us.
DO $$ BEGIN
    CREATE ROLE backup_owner; CREATE ROLE backup_reader; CREATE ROLE backup_granter; CREATE ROLE "Backup ""Odd"" role";
EXCEPTION WHEN duplicate_object THEN NULL; END $$;

CREATE SCHEMA app AUTHORIZATION backup_owner;
GRANT USAGE ON SCHEMA app TO backup_granter, backup_reader;
COMMENT ON SCHEMA app IS 'The application''s';
CREATE SCHEMA "other App";
CREATE SCHEMA measures;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO backup_reader WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO "Backup ""Odd"" role";
ALTER DEFAULT PRIVILEGES REVOKE DELETE ON TABLES FROM CURRENT_USER;

CREATE TYPE app.severity AS ENUM ('low', 'it''s high');
COMMENT ON TYPE app.severity IS 'how bad';
CREATE DOMAIN app.code AS text COLLATE "C" DEFAULT 'none' NOT NULL CHECK (VALUE ~ '^[a-z]+$');
ALTER DOMAIN app.code ADD CONSTRAINT long_enough CHECK (length(VALUE) > 1) NOT VALID;
CREATE TYPE measures.pair AS (a integer, b text COLLATE "C");
CREATE TYPE app.span AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi, MULTIRANGE_TYPE_NAME = app.spans);
CREATE SEQUENCE app.ticket_numbers START WITH 100 INCREMENT BY 10 CACHE 5;
SELECT nextval('app.ticket_numbers');

CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
    -- $guard$ and $ddl$ and $pgfold$ are quotes of others
    RETURN new;
END $f$;
REVOKE ALL ON FUNCTION app.touch() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.touch() TO backup_reader;
CREATE FUNCTION app.shout(text) RETURNS text LANGUAGE sql IMMUTABLE RETURN upper($1) || '!';
COMMENT ON FUNCTION app.shout(text) IS 'loud';

CREATE TABLE app.owners (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
ALTER TABLE app.owners OWNER TO backup_owner;

CREATE TABLE app."Tickets" (
    id serial PRIMARY KEY,
    number integer NOT NULL DEFAULT nextval('app.ticket_numbers'),
    owner_id bigint REFERENCES app.owners ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    parent integer REFERENCES app."Tickets" (id),
    "Title" text COLLATE "C" NOT NULL DEFAULT 'untitled; -- no',
    severity app.severity DEFAULT 'low',
    code app.code,
    pair measures.pair,
    during int4range,
    span app.span,
    loud text GENERATED ALWAYS AS (app.shout("Title")) STORED,
    dropped integer,
    external_key text NOT NULL,
    CONSTRAINT "title is short" CHECK (length("Title") < 100),
    CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&) WHERE (during IS NOT NULL)
) WITH (fillfactor = 70, autovacuum_enabled = false);
ALTER TABLE app."Tickets" DROP COLUMN dropped;
ALTER TABLE app."Tickets" ADD CONSTRAINT late_check CHECK (number > 5) NOT VALID;
ALTER TABLE app."Tickets" ADD CONSTRAINT external_key_key UNIQUE (external_key);
ALTER TABLE app."Tickets" REPLICA IDENTITY USING INDEX external_key_key;
ALTER TABLE app."Tickets" CLUSTER ON external_key_key;
ALTER TABLE app."Tickets" ALTER "Title" SET STATISTICS 77, ALTER "Title" SET STORAGE EXTERNAL, ALTER number SET (n_distinct = -0.5);
CREATE UNIQUE INDEX "Odd Index" ON app."Tickets" (lower("Title") DESC NULLS LAST, number) INCLUDE (severity) WHERE number > 0;
CREATE INDEX ON app."Tickets" USING gin (to_tsvector('simple', "Title"));
CREATE STATISTICS measures.together (dependencies, mcv) ON severity, "Title" FROM app."Tickets";
ALTER STATISTICS measures.together SET STATISTICS 55;
ALTER STATISTICS measures.together OWNER TO backup_owner;
COMMENT ON STATISTICS measures.together IS 'seen''together';
COMMENT ON TABLE app."Tickets" IS E'A comment\n-- entry {"kind":"TABLE"}\n--\n-- TOC entry 1 (class 1259 OID 1)\n-- Name: x; Type: TABLE; Schema: app; Owner: x\n--\nDROP TABLE app."Tickets"; -- $guard$ ''\\';
COMMENT ON COLUMN app."Tickets"."Title" IS 'of the ticket';
COMMENT ON CONSTRAINT "title is short" ON app."Tickets" IS 'short';
COMMENT ON INDEX app."Odd Index" IS 'odd';
CREATE TRIGGER disabled BEFORE UPDATE OF "Title", severity ON app."Tickets" FOR EACH ROW WHEN (old.number > 0) EXECUTE FUNCTION app.touch();
CREATE TRIGGER always BEFORE INSERT ON app."Tickets" FOR EACH ROW EXECUTE FUNCTION app.touch('an argument', 'app."Tickets"');
CREATE TRIGGER on_replica AFTER DELETE ON app."Tickets" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION app.touch();
ALTER TABLE app."Tickets" DISABLE TRIGGER disabled, ENABLE ALWAYS TRIGGER always, ENABLE REPLICA TRIGGER on_replica;
COMMENT ON TRIGGER always ON app."Tickets" IS 'always';
CREATE RULE keep AS ON DELETE TO app."Tickets" WHERE (old.number = 0) DO INSTEAD NOTHING;
ALTER TABLE app."Tickets" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY readers ON app."Tickets" AS RESTRICTIVE FOR SELECT TO backup_reader, backup_granter
    USING (id IN (SELECT t.parent FROM app."Tickets" t) OR current_user = 'x');
CREATE POLICY writers ON app."Tickets" FOR INSERT WITH CHECK (number > 0);
COMMENT ON POLICY writers ON app."Tickets" IS 'who writes';

INSERT INTO app.owners (name) VALUES ('Ann'), ('Bob');
DELETE FROM app.owners WHERE name = 'Bob';
INSERT INTO app."Tickets" (owner_id, parent, "Title", code, pair, during, span, external_key) VALUES
    (1, NULL, 'first', 'ab', ROW(1, 'x'), '[1,5)', '[1,2)', 'e1'),
    (NULL, 1, 'second', 'cd', NULL, '[5,9)', 'empty', 'e2');
SELECT setval('app."Tickets_id_seq"', 50, true);

-- What is about the tables and does not belong to them.
CREATE TABLE "other App".notes (id integer PRIMARY KEY, ticket_id integer, ticket_key text, owner_id bigint);
INSERT INTO "other App".notes VALUES (1, 1, 'e1', 1), (2, 2, 'e2', 99);
ALTER TABLE "other App".notes ADD CONSTRAINT "notes of tickets" FOREIGN KEY (ticket_id) REFERENCES app."Tickets" ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "other App".notes ADD CONSTRAINT by_key FOREIGN KEY (ticket_key) REFERENCES app."Tickets" (external_key) MATCH FULL;
ALTER TABLE "other App".notes ADD CONSTRAINT unchecked FOREIGN KEY (owner_id) REFERENCES app.owners NOT VALID;
COMMENT ON CONSTRAINT "notes of tickets" ON "other App".notes IS 'a note''s ticket';
CREATE POLICY of_tickets ON "other App".notes FOR UPDATE TO backup_reader
    USING (EXISTS (SELECT FROM app."Tickets" t WHERE t.id = ticket_id)) WITH CHECK (true);
COMMENT ON POLICY of_tickets ON "other App".notes IS 'elsewhere';
CREATE TABLE "other App".parted (id integer, ticket_id integer REFERENCES app."Tickets") PARTITION BY RANGE (id);
CREATE TABLE "other App".part_1 PARTITION OF "other App".parted FOR VALUES FROM (0) TO (10);
INSERT INTO "other App".parted VALUES (1, 2), (2, 2);
CREATE INDEX parted_ticket ON "other App".parted (ticket_id);
CREATE TABLE "other App".part_2 (ticket_id integer, id integer NOT NULL DEFAULT 7) PARTITION BY LIST (ticket_id);
ALTER TABLE "other App".parted ATTACH PARTITION "other App".part_2 FOR VALUES FROM (10) TO (20);
CREATE TABLE "other App".part_21 PARTITION OF "other App".part_2 DEFAULT;
INSERT INTO "other App".parted VALUES (15, 1);

CREATE VIEW app.open_tickets WITH (security_invoker = true, security_barrier) AS
    SELECT t.id, t."Title" AS title, o.name FROM app."Tickets" t LEFT JOIN app.owners o ON o.id = t.owner_id;
CREATE VIEW "other App".counts AS SELECT name, count(*) FROM app.open_tickets GROUP BY name;
CREATE VIEW app.grouped AS SELECT id, "Title", count(*) FROM app."Tickets" GROUP BY id;
COMMENT ON VIEW app.open_tickets IS 'open';
COMMENT ON COLUMN app.open_tickets.title IS 'of the view';
ALTER VIEW app.open_tickets ALTER title SET DEFAULT 'x';
CREATE TRIGGER instead INSTEAD OF INSERT ON app.open_tickets FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE MATERIALIZED VIEW app.filled AS SELECT id, "Title" FROM app."Tickets";
CREATE UNIQUE INDEX filled_id ON app.filled (id);
CREATE MATERIALIZED VIEW app.unfilled AS SELECT * FROM app.owners WITH NO DATA;
CREATE FUNCTION app.how_many() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM app."Tickets"; SELECT count(*) FROM app.grouped; END;
CREATE FUNCTION app.title_of(t app."Tickets") RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN t."Title"; END';
CREATE PUBLICATION some_columns FOR TABLE app."Tickets" (id, "Title", external_key) WHERE (external_key <> 'e9'), app.owners WITH (publish = 'insert');
CREATE PUBLICATION whole_schema FOR TABLES IN SCHEMA app;

-- Rights: less than the default privileges give, and chains.
REVOKE ALL ON app."Tickets", app.owners, app.open_tickets, app.filled FROM PUBLIC, backup_reader;
GRANT SELECT, REFERENCES ON app."Tickets" TO backup_granter WITH GRANT OPTION;
GRANT UPDATE ("Title", number), SELECT (id) ON app."Tickets" TO backup_reader;
GRANT INSERT ("Title") ON app."Tickets" TO PUBLIC;
SET ROLE backup_granter;
GRANT SELECT ON app."Tickets" TO backup_reader, "Backup ""Odd"" role";
RESET ROLE;
-- The grants stay when the grantor may not see the schema any more.
REVOKE USAGE ON SCHEMA app FROM backup_granter;
REVOKE ALL ON app.owners FROM backup_owner;
GRANT SELECT ON app.owners TO backup_owner;
REVOKE ALL ON SEQUENCE app."Tickets_id_seq" FROM "Backup ""Odd"" role";
GRANT USAGE ON SEQUENCE app."Tickets_id_seq" TO PUBLIC;
GRANT SELECT ON app.open_tickets TO backup_reader WITH GRANT OPTION;
ALTER TABLE app."Tickets" OWNER TO backup_owner;
ALTER VIEW app.open_tickets OWNER TO backup_reader;
