"""A manifest is read as it was written, and notices every change."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.core.digest import Digest, digest_of
from pipelines.core.file_names import data_paths
from pipelines.core.json_rows import SavedColumn, SavedRows
from pipelines.core.manifest import BackupFacts, Manifest, SavedFile, SavedTable, from_json, to_json
from pipelines.core.recorded import SequenceState
from pipelines.core.schema import JsonEncoding, TableName

NAME = TableName("app", 'Odd "Größe" \u2028')
COLUMNS = (SavedColumn("id", "integer", JsonEncoding.NATIVE), SavedColumn("a", "text[]", JsonEncoding.ARRAY, True))
ROWS = SavedRows(NAME, COLUMNS, ("id",))
MANIFEST = Manifest(
    BackupFacts("issues", "7c2e", True, "type: x\n"),
    180004,
    "00000004-1",
    datetime(2026, 11, 24, 20, 15, 0, 123456, tzinfo=UTC),
    SavedFile("schema.sql", 10, "ab"),
    (
        SavedTable(
            ROWS,
            SavedFile("data/x.jsonl.zst", 20, "cd"),
            Digest(3, "00", "ff"),
            (SequenceState(NAME, 2**63 - 1, False),),
        ),
    ),
)


def test_what_is_written_is_read() -> None:
    assert from_json(to_json(MANIFEST)) == MANIFEST
    assert (MANIFEST.rows, MANIFEST.size_bytes, MANIFEST.table(NAME)) == (3, 20, MANIFEST.tables[0])
    assert MANIFEST.table(TableName("app", "other")) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["backup"]["tables"][0]["digest"].update(rows=4), "altered"),
        (lambda d: d["backup"]["facts"].update(spec_text="type: y\n"), "altered"),
        (lambda d: d.update(spec_sha256="0"), "spec's sha256"),
        (lambda d: d.update(format=2), "its format is 2"),
        (lambda d: d.pop("format"), "does not name its format"),
        (lambda d: d.pop("backup"), "altered"),
    ],
)
def test_a_change_is_noticed(change: Callable[[dict[str, Any]], object], message: str) -> None:
    document = json.loads(to_json(MANIFEST))
    change(document)
    with pytest.raises(ValueError, match=message):
        from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}"])
def test_what_is_no_manifest_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"not JSON|does not name its format"):
        from_json(text)


def test_plain_rows_compute_nothing_again() -> None:
    plain = MANIFEST.tables[0].plain()
    assert [column.generated for column in plain.rows.columns] == [False, False]
    assert replace(plain, rows=ROWS) == MANIFEST.tables[0]


def test_a_digest_has_sixteen_digits_a_hash() -> None:
    assert str(digest_of(2, 1, 2**64 - 1)) == "2 rows, 0000000000000001-ffffffffffffffff"


def test_every_table_has_a_file_name_of_its_own() -> None:
    tables = [
        TableName("public", "issues"), TableName("public", "Issues"), TableName("a.b", "c"), TableName("a", "b.c"),
        TableName("a", "b/../c"), TableName("s", "$(rm -rf ~) 'q' \"q\" %"), TableName("ö" * 31, "ü" * 31),
        TableName("ö" * 31, "ü" * 30 + "a"), TableName("", ""),
    ]  # fmt: skip
    paths = data_paths(tables)
    assert set(paths) == set(tables)
    assert len({path.lower() for path in paths.values()}) == len(tables)
    assert all(len(path) < 250 and path.count("/") == 1 for path in paths.values())
    assert paths[TableName("a", "b/../c")] == "data/a.b%2F%2E%2E%2Fc.jsonl.zst"
    assert paths[TableName("public", "issues")].startswith("data/public.issues")
