"""A backup gives back every value of every type, on every version: what the server prints, and the record image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.core.schema import TableName
from tests.backups import all_tables, back_up, drill_against_live, read_data, restore
from tests.databases import Database, Templates
from tests.dump import dump

TYPES = (Path(__file__).parent / "backup_types.sql").read_text(encoding="utf-8")


@pytest.fixture
def kinds(templates_of_each_version: Templates) -> Iterator[Database]:
    with templates_of_each_version.clone(TYPES) as database:
        yield database


def test_dropped_tables_come_back_as_they_were(kinds: Database, tmp_path: Path) -> None:
    before = dump(kinds)
    folder = tmp_path / "backup"
    manifest = back_up(kinds, folder, *all_tables(kinds, "kinds"))
    # One table's row type is a column's type of another: only together can they go, and come back in that order.
    kinds.run("DROP SCHEMA kinds CASCADE")
    restore(kinds, folder, manifest)
    assert dump(kinds) == before


def test_every_value_is_image_equal_in_a_copy(kinds: Database, tmp_path: Path) -> None:
    tables = all_tables(kinds, "kinds")
    folder = tmp_path / "backup"
    restore(kinds, folder, back_up(kinds, folder, *tables), into="copies")
    for table in tables:
        columns = kinds.rows(
            # The row type of a copy is another type, and records of two types have no common image.
            "SELECT 't.' || quote_ident(attname) || CASE WHEN atttypid::regtype::text LIKE '%numbers' THEN '::text'"
            " ELSE '' END FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid ="
            f" '{quoted(table)}'::regclass ORDER BY attnum"
        )
        row = ", ".join(str(value) for (value,) in columns)
        images = [
            f"SELECT ROW({row})::record AS image FROM {quoted(TableName(schema, table.name))} t"
            for schema in ("kinds", "copies")
        ]
        assert kinds.value(unmatched(*images)) == 0, table
        assert kinds.value(unmatched(*reversed(images))) == 0, table


def test_a_drill_finds_what_was_saved_and_what_is_there(kinds: Database, tmp_path: Path) -> None:
    manifest = back_up(kinds, tmp_path / "backup", *all_tables(kinds, "kinds"))
    result = drill_against_live(kinds, tmp_path / "backup", manifest)
    rows = {table.name.name: table.rows for table in result.tables}
    assert rows["texts"] == 7
    assert rows["nothing"] == 0
    assert rows["no_columns"] == 2
    assert all(table.saved == table.restored == table.live for table in result.tables)
    assert kinds.value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pgfold%'") == 0


def test_rows_are_lines_in_key_order(new_database: Callable[..., Database], tmp_path: Path) -> None:
    database = new_database(TYPES)
    manifest = back_up(database, tmp_path / "backup", 'kinds."line"', "kinds.no_key", "kinds.documents")
    line, no_key, documents = manifest.tables
    assert (line.rows.key_order, no_key.rows.key_order, documents.rows.key_order) == (("line",), (), ("id",))
    assert read_data(tmp_path / "backup", line.file.path)[0].startswith('{"line":1,"saved":"",')
    assert [text[:7] for text in read_data(tmp_path / "backup", documents.file.path)] == [
        f'{{"id":{n}' for n in range(1, 8)
    ]


def quoted(name: TableName) -> str:
    return name.identifier.as_string(None)


def unmatched(left: str, right: str) -> str:
    return (
        f"SELECT count(*) FROM ({left} OFFSET 0) l WHERE NOT EXISTS"
        f" (SELECT FROM ({right} OFFSET 0) r WHERE l.image OPERATOR(pg_catalog.*=) r.image)"
    )
