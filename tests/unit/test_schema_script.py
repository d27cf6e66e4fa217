"""schema.sql: what is written is read, and a part of it is chosen and renamed without the rest."""

import pytest

from pipelines.core.schema import TableName
from pipelines.core.schema_script import Phase, SchemaEntry, choose, parse, renamed, render

A, B, VIEW = TableName("app", "a"), TableName("app", "b"), TableName("app", "v")
COPY = TableName("copy", "a")


def entry(kind: str, name: TableName, text: str, *roots: TableName, **more: object) -> SchemaEntry:
    phase = Phase.BEFORE if kind in ("SCHEMA", "TYPE", "TABLE", "VIEW") else Phase.AFTER
    return SchemaEntry(kind, name, phase, roots, text, **more)  # type: ignore[arg-type]


SCHEMA = entry("SCHEMA", TableName("app", "app"), "CREATE SCHEMA app;", A, B)
TYPE = entry("TYPE", TableName("app", "mood"), "DO $$ $$;", A)
TABLE_A = entry("TABLE", A, "CREATE TABLE app.a ();", A, relation=A)
TABLE_B = entry("TABLE", B, "CREATE TABLE app.b ();", B, relation=B)
INDEX_A = entry("INDEX", TableName("app", "a_i"), "CREATE INDEX a_i ON app.a (x);", A, relation=A)
NOTE = entry("COMMENT", TableName("app", "INDEX a_i"), "COMMENT ON INDEX app.a_i IS E'\\n-- entry x';", A, relation=A)
KEY = entry("FK CONSTRAINT", TableName("app", "k"), "ALTER TABLE app.a ADD ...;", A, relation=A, needs=B)
INBOUND = entry("INBOUND FOREIGN KEY", TableName("app", "i"), "DO $$ $$;", A, surrounding=True)
OF_VIEW = entry("VIEW", VIEW, "CREATE VIEW app.v AS ...;", A, B, relation=VIEW, surrounding=True)
ENTRIES = (SCHEMA, TYPE, TABLE_A, TABLE_B, INDEX_A, NOTE, KEY, INBOUND, OF_VIEW)


def test_what_is_rendered_is_parsed() -> None:
    assert parse(render(ENTRIES)) == tuple(sorted(ENTRIES, key=lambda e: e.phase is Phase.AFTER))


def test_a_comment_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        parse('-- entry {"kind": 1}\nSELECT 1;')


def test_everything_comes_back_under_its_own_name() -> None:
    assert [*choose(ENTRIES, {A: A, B: B}, there=())] == [*ENTRIES]


def test_one_table_comes_back_between_others() -> None:
    chosen = [*choose(ENTRIES, {A: A}, there=(B,))]
    assert chosen == [SCHEMA, TYPE, TABLE_A, INDEX_A, NOTE, KEY, INBOUND, OF_VIEW]


def test_a_view_comes_back_only_where_it_is_missing_and_can_be() -> None:
    assert OF_VIEW not in [*choose(ENTRIES, {A: A, B: B}, there=(VIEW,))]
    assert OF_VIEW not in [*choose(ENTRIES, {A: A}, there=())]


def test_a_copy_takes_what_the_table_owns() -> None:
    assert [*choose(ENTRIES, {A: COPY}, there=(A, B))] == [TYPE, TABLE_A, INDEX_A, NOTE]
    both = {A: COPY, B: TableName("copy", "b")}
    assert [*choose(ENTRIES, both, there=(A, B))] == [TYPE, TABLE_A, TABLE_B, INDEX_A, NOTE, KEY]


def test_what_belongs_to_a_table_follows_it() -> None:
    table, index, note = renamed([TABLE_A, INDEX_A, NOTE], {A: COPY})
    assert table.name == table.relation == COPY
    assert table.text == 'CREATE TABLE "copy"."a" ();'
    assert index.text == 'CREATE INDEX a_i ON "copy"."a" (x);'
    assert note.text == 'COMMENT ON INDEX "copy"."a_i" IS E\'\\n-- entry x\';'
