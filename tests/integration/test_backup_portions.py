"""A large table is read in two portions at once, and is one file of all its rows in the order of its key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.database import export_workers
from pipelines.database.data_files import Part, write_lines
from tests.backups import back_up, drill_against_live, read_data
from tests.databases import Database

KEYS = """
CREATE TABLE numbers (id bigint PRIMARY KEY, body text);
CREATE TABLE uuids (id uuid, place integer, body text, PRIMARY KEY (id, place));
CREATE TABLE words (id text COLLATE "C" PRIMARY KEY, body text);
CREATE TABLE moments (id timestamptz PRIMARY KEY, body text);
CREATE TABLE floats (id float8 PRIMARY KEY, body text);
INSERT INTO numbers SELECT n, md5(n::text) FROM generate_series(-500, 500) n;
INSERT INTO uuids SELECT md5(n::text)::uuid, n, md5(n::text) FROM generate_series(1, 1000) n;
INSERT INTO words SELECT E'it''s \\\\ "' || md5(n::text) || ' é', md5(n::text) FROM generate_series(1, 1000) n;
INSERT INTO moments
SELECT '2026-01-01 00:00:00.123456Z'::timestamptz + n * interval '1 day 1 us', '' FROM generate_series(-999, 0) n;
INSERT INTO floats SELECT n / 7.0, '' FROM generate_series(-500, 498) n;
INSERT INTO floats VALUES ('NaN', ''), ('-Infinity', '');
ANALYZE;
"""


@pytest.fixture
def keys(new_database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch) -> Database:
    """Tables that count as large."""
    monkeypatch.setattr("pipelines.core.portions._WORTH_IT_BYTES", 0)
    return new_database(KEYS)


@pytest.mark.parametrize("table", ["numbers", "uuids", "words", "moments", "floats"])
def test_both_portions_are_one_file_in_key_order(
    keys: Database, tmp_path: Path, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    keep_paths(monkeypatch, written)
    manifest = back_up(keys, tmp_path / "backup", table)
    path = manifest.tables[0].file.path
    assert sorted(written) == [path, f"{path}.1"]
    assert [f"data/{p.name}" for p in (tmp_path / "backup" / "data").iterdir()] == [path]
    ids = [json.loads(line)["id"] for line in read_data(tmp_path / "backup", path)]
    expected = keys.rows(f"SELECT to_json(id)::text FROM {table} ORDER BY id")
    assert ids == [json.loads(str(text)) for (text,) in expected]
    assert drill_against_live(keys, tmp_path / "backup", manifest).tables[0].live == manifest.tables[0].digest


def test_old_statistics_only_make_the_portions_uneven(keys: Database, tmp_path: Path) -> None:
    keys.run("DELETE FROM numbers; INSERT INTO numbers SELECT n, '' FROM generate_series(9000, 9009) n")
    manifest = back_up(keys, tmp_path / "backup", "numbers")
    assert manifest.rows == 10
    drill_against_live(keys, tmp_path / "backup", manifest)


def test_without_statistics_a_table_is_not_divided(
    keys: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    keep_paths(monkeypatch, written)
    keys.run("CREATE TABLE unseen (id integer PRIMARY KEY); INSERT INTO unseen SELECT generate_series(1, 50)")
    assert back_up(keys, tmp_path / "backup", "unseen").rows == 50
    assert written == ["data/public.unseen.jsonl.zst"]


def keep_paths(monkeypatch: pytest.MonkeyPatch, written: list[str]) -> None:
    """Have each file that a worker writes noted."""

    def noting(folder: Path, path: str, lines: object, told: Callable[[int], None]) -> Part:
        written.append(path)
        return write_lines(folder, path, lines, told)  # type: ignore[arg-type]

    monkeypatch.setattr(export_workers, "write_lines", noting)
