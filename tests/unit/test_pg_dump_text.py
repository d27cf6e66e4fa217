"""pg_dump's text in entries: what belongs to which object, whatever a comment's text pretends."""

from pipelines.core.pg_dump_text import DumpedEntry, entries

TEXT = """--
-- PostgreSQL database dump
--

\\restrict abc

-- Dumped from database version 18.4

-- Started on 2026-11-24 22:00:06 UTC

SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
SET row_security = off;

SET default_tablespace = fast;

SET default_table_access_method = heap;

--
-- TOC entry 224 (class 1259 OID 16419)
-- Name: t; Type: TABLE; Schema: d; Owner: postgres; Tablespace: fast
--

CREATE TABLE d.t (
    x text DEFAULT '-- Name: no; Type: TABLE'
);


ALTER TABLE d.t OWNER TO postgres;

--
-- TOC entry 2598 (class 0 OID 0)
-- Dependencies: 224 225
-- Name: TABLE t; Type: COMMENT; Schema: d; Owner: postgres
--

COMMENT ON TABLE d.t IS '
--
-- TOC entry 1 (class 1 OID 1)
-- Name: y; Type: TABLE; Schema: z; Owner: q
--
SET default_tablespace = other;';


SET default_tablespace = '';

--
-- TOC entry 2437 (class 1259 OID 16435)
-- Name: i; Type: INDEX; Schema: d; Owner: postgres
--

CREATE INDEX i ON d.t USING btree (x);


-- Completed on 2026-11-24 22:00:07 UTC

--
-- PostgreSQL database dump complete
--

\\unrestrict abc
"""


def test_entries_have_their_object_their_text_and_its_tablespace() -> None:
    table, comment, index = entries(TEXT)
    assert (table.toc, table.class_oid, table.oid, table.kind, table.schema, table.name) == (
        (224, 1259, 16419, "TABLE", "d", "t")
    )
    assert table.text.startswith("SET default_tablespace = fast;\nCREATE TABLE d.t (")
    assert table.text.endswith("ALTER TABLE d.t OWNER TO postgres;\nSET default_tablespace = '';")
    assert (comment.kind, comment.depends) == ("COMMENT", (224, 225))
    assert "COMMENT ON TABLE d.t IS '\n--\n-- TOC entry 1" in comment.text
    assert index == DumpedEntry(2437, 1259, 16435, (), "INDEX", "d", "i", "CREATE INDEX i ON d.t USING btree (x);")
