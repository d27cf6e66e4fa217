"""How each type travels in a JSON document, whether it can be compared, and what a domain asks of its values."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from pipelines.core.schema import ColumnType, JsonEncoding, Table, TableName
from pipelines.database.introspection import read_schema, read_types
from tests.databases import Database, Templates

TYPES = """
CREATE SCHEMA kinds;
CREATE TYPE kinds.mood AS ENUM ('sad', 'ok', 'Happy ''x''');
CREATE DOMAIN kinds.price AS numeric(10, 2) DEFAULT 1.5 CHECK (VALUE > 0);
CREATE DOMAIN kinds.rebate AS kinds.price NOT NULL CHECK (VALUE < 100);
CREATE DOMAIN kinds.feeling AS kinds.mood DEFAULT 'ok';
CREATE DOMAIN kinds.numbers AS integer[];
CREATE DOMAIN kinds.document AS jsonb;
CREATE DOMAIN kinds.old_document AS json;
CREATE TYPE kinds.pair AS (a integer, b text);
CREATE TYPE kinds.located AS (name text, place point);
CREATE TYPE kinds.basket AS (name text, items integer[]);
CREATE TYPE kinds.crate AS (inner_one kinds.basket);
CREATE TYPE kinds.note AS (about text, content kinds.document);
CREATE TYPE kinds.moods AS RANGE (subtype = kinds.mood);
CREATE TYPE kinds.documents AS RANGE (subtype = jsonb);
CREATE TYPE kinds.spoken AS (word text);
CREATE FUNCTION kinds.speak(kinds.spoken) RETURNS json LANGUAGE sql IMMUTABLE AS 'SELECT to_json(($1).word)';
CREATE CAST (kinds.spoken AS json) WITH FUNCTION kinds.speak(kinds.spoken);
"""

ENCODINGS = {
    "integer": JsonEncoding.NATIVE,
    "double precision": JsonEncoding.NATIVE,
    "kinds.mood": JsonEncoding.NATIVE,
    "kinds.rebate": JsonEncoding.NATIVE,
    "kinds.pair": JsonEncoding.NATIVE,
    "kinds.moods": JsonEncoding.NATIVE,
    "int4multirange": JsonEncoding.NATIVE,
    "text[]": JsonEncoding.ARRAY,
    "int4range[]": JsonEncoding.ARRAY,
    "kinds.pair[]": JsonEncoding.ARRAY,
    "kinds.rebate[]": JsonEncoding.ARRAY,
    "kinds.numbers": JsonEncoding.ARRAY,
    "jsonb": JsonEncoding.JSONB,
    "kinds.document": JsonEncoding.JSONB,
    "json": JsonEncoding.TEXT,
    "json[]": JsonEncoding.TEXT,
    "jsonb[]": JsonEncoding.TEXT,
    "kinds.document[]": JsonEncoding.TEXT,
    "kinds.old_document": JsonEncoding.TEXT,
    "kinds.numbers[]": JsonEncoding.TEXT,
    "kinds.basket": JsonEncoding.TEXT,
    "kinds.crate": JsonEncoding.TEXT,
    "kinds.basket[]": JsonEncoding.TEXT,
    "kinds.note": JsonEncoding.TEXT,
    "xml": JsonEncoding.TEXT,
    "kinds.documents": JsonEncoding.TEXT,
    "kinds.spoken": JsonEncoding.TEXT,
    "kinds.spoken[]": JsonEncoding.TEXT,
}

COMPARABLE = {
    "text": True,
    "varchar(5)": True,
    "cidr": True,
    "regclass": True,
    "kinds.mood": True,
    "kinds.rebate": True,
    "kinds.feeling[]": True,
    "kinds.pair": True,
    "kinds.documents": True,
    "datemultirange": True,
    "jsonb": True,
    "json": False,
    "json[]": False,
    "xml": False,
    "point": False,
    "polygon": False,
    "kinds.old_document": False,
    "kinds.located": False,
    "kinds.located[]": False,
}


@pytest.fixture(scope="module")
def kinds(templates_of_each_version: Templates) -> Iterator[Database]:
    """The types on each version."""
    with templates_of_each_version.clone(TYPES) as made:
        yield made


def types_of(database: Database, *texts: str) -> dict[str, ColumnType]:
    with database.connect() as connection:
        return dict(read_types(connection, texts))


def table_of(database: Database, columns: str) -> Table:
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(f"CREATE TABLE kinds.t ({columns})".encode())
        return read_schema(connection, [TableName("kinds", "t")])[TableName("kinds", "t")]


def test_json_encodings(kinds: Database) -> None:
    assert {text: found.json for text, found in types_of(kinds, *ENCODINGS).items()} == ENCODINGS


def test_types_that_can_be_compared(kinds: Database) -> None:
    found = types_of(kinds, *COMPARABLE)
    assert {text: of.has_default_equality for text, of in found.items()} == COMPARABLE


@pytest.mark.parametrize("text", COMPARABLE)
def test_the_server_agrees_on_what_can_be_compared(kinds: Database, text: str) -> None:
    with kinds.connect() as connection:
        try:
            connection.execute(f"SELECT x FROM (SELECT NULL::{text} WHERE false) AS t(x) GROUP BY x".encode())
            compares = True
        except psycopg.ProgrammingError:
            compares = False
    assert compares is COMPARABLE[text]


def test_a_column_and_its_declaration_are_described_alike(kinds: Database) -> None:
    texts = ["numeric(10,2)", "varchar(3)[]", "char", "bpchar", "bit(3)", "timestamp(3) with time zone", "kinds.mood[]"]
    table = table_of(kinds, ", ".join(f"c{n} {text}" for n, text in enumerate(texts)))
    assert [column.type for column in table.columns] == list(types_of(kinds, *texts).values())
    assert [column.type.sql for column in table.columns] == [
        "numeric(10,2)", "character varying(3)[]", "character(1)", "bpchar", "bit(3)", "timestamp(3) with time zone",
        "kinds.mood[]",
    ]  # fmt: skip
    assert [column.type.bare for column in table.columns] == [
        "numeric", "character varying[]", "bpchar", "bpchar", '"bit"', "timestamp with time zone", "kinds.mood[]",
    ]  # fmt: skip


def test_a_domain_over_a_domain_has_the_rules_of_both(kinds: Database) -> None:
    rebate = types_of(kinds, "kinds.rebate")["kinds.rebate"]
    assert (rebate.kind, rebate.category, rebate.base) == ("d", "N", "numeric(10,2)")
    assert rebate.domain_checks == ("((VALUE)::numeric < (100)::numeric)", "(VALUE > (0)::numeric)")
    assert (rebate.domain_not_null, rebate.domain_default) == (True, "1.5")
    plain = types_of(kinds, "numeric(10,2)")["numeric(10,2)"]
    assert (plain.base, plain.domain_checks, plain.domain_not_null, plain.domain_default) == (None, (), False, None)


def test_labels_of_an_enum_in_their_order(kinds: Database) -> None:
    kinds_of = types_of(kinds, "kinds.mood", "kinds.feeling", "kinds.mood[]", "text")
    assert kinds_of["kinds.mood"].labels == ("sad", "ok", "Happy 'x'")
    assert kinds_of["kinds.feeling"].labels == ("sad", "ok", "Happy 'x'")
    assert kinds_of["kinds.mood[]"].labels == ()
    assert kinds_of["text"].labels == ()


@pytest.mark.parametrize(
    "text",
    ["", "none", "serial", "mood", "kinds.none", "SETOF text", "text; DROP SCHEMA kinds", "int, int", "varchar(0)"],
)
def test_what_is_no_type_is_absent(kinds: Database, text: str) -> None:
    assert set(types_of(kinds, text, "text")) == {"text"}
    assert kinds.value("SELECT to_regtype('kinds.mood') IS NOT NULL")


def test_extension_types_with_a_cast_to_json_travel_as_text(templates_of_each_version: Templates) -> None:
    with templates_of_each_version.clone() as database:
        if database.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'hstore'") == 0:
            pytest.skip("this server has no hstore")
        database.run("CREATE EXTENSION hstore")
        assert types_of(database, "public.hstore")["public.hstore"].json is JsonEncoding.TEXT
