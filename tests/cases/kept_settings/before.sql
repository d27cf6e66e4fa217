-- What hangs on a table: comments, storage, statistics, publications, indexes of every kind, replica identity, dropped columns.
CREATE TABLE public.logs (id integer PRIMARY KEY, at timestamptz, what text);
INSERT INTO public.logs VALUES (1, '2026-01-01', 'own');

CREATE TABLE public.events (
    first_of_all integer,
    id integer,
    at timestamptz DEFAULT '2026-01-01' NOT NULL,
    what text COLLATE "C" CONSTRAINT "never empty" CHECK (what <> '') NO INHERIT,
    body text COMPRESSION pglz,
    CONSTRAINT "the key" PRIMARY KEY (id) WITH (fillfactor = 70),
    CONSTRAINT "not yet" CHECK (id > -1) NOT VALID
) WITH (fillfactor = 50, autovacuum_enabled = false, toast.autovacuum_enabled = false);
ALTER TABLE public.events DROP COLUMN first_of_all;
ALTER TABLE public.events ALTER body SET STORAGE EXTERNAL, ALTER what SET STATISTICS 1000, ALTER what SET (n_distinct = 5);
INSERT INTO public.events VALUES (10, '2026-02-01', 'a', repeat('x', 9)), (11, '2026-02-02', 'b', NULL);
CREATE INDEX "by what" ON public.events USING btree (what text_pattern_ops DESC NULLS LAST) INCLUDE (at) WHERE id > 0;
CREATE INDEX events_hash ON public.events USING hash (what);
CREATE INDEX events_brin ON public.events USING brin (at) WITH (pages_per_range = 8);
CREATE INDEX events_gin ON public.events USING gin (to_tsvector('simple', what));
CREATE INDEX events_gist ON public.events USING gist (tstzrange(at, NULL));
CREATE UNIQUE INDEX events_identity ON public.events (id, at);
ALTER TABLE public.events REPLICA IDENTITY USING INDEX events_identity, CLUSTER ON "the key";
CREATE STATISTICS public.events_stats (dependencies, mcv) ON what, at FROM public.events;
ALTER STATISTICS public.events_stats SET STATISTICS 50;
CREATE STATISTICS events_expression ON (lower(what)) FROM public.events;
COMMENT ON TABLE public.events IS 'what ''happened''';
COMMENT ON COLUMN public.events.what IS E'line\nbreak';
COMMENT ON CONSTRAINT "the key" ON public.events IS 'of events';
COMMENT ON INDEX public."by what" IS 'fast';
COMMENT ON STATISTICS public.events_stats IS 'kept';
CREATE PUBLICATION "some" FOR TABLE public.events (id, what, at) WHERE (id > 5 AND at <> 'infinity'), public.logs;
CREATE PUBLICATION all_of_public FOR TABLES IN SCHEMA public;

CREATE TABLE public.marks (event integer CONSTRAINT "for" REFERENCES public.events, mark text PRIMARY KEY);
COMMENT ON CONSTRAINT "for" ON public.marks IS 'which';
CREATE INDEX ON public.marks (event);
INSERT INTO public.marks VALUES (10, 'x');
