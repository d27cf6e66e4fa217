"""A backup is whole or is none: damage is named, and what cannot be written leaves nothing that counts."""

from __future__ import annotations

import hashlib
import json
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.core.errors import (
    BackupDamaged,
    ConnectionLost,
    DatabaseError,
    LockNotAvailable,
    RowsDiffer,
    StateUnknown,
)
from pipelines.core.schema import TableName
from pipelines.database.backup_drill import drill
from pipelines.database.backup_reader import read_manifest, verify_files
from pipelines.database.backup_writer import write_backup
from pipelines.database.connection import Connection, connect
from tests.backups import FACTS, back_up, describe, drill_against_live, read_data
from tests.databases import Database

ITEMS = """
CREATE TABLE items (id integer PRIMARY KEY, body text NOT NULL);
INSERT INTO items SELECT n, md5(n::text) FROM generate_series(1, 2000) n;
CREATE TABLE tags (id serial PRIMARY KEY, item_id integer REFERENCES items);
INSERT INTO tags (item_id) SELECT n FROM generate_series(1, 10) n;
"""
DATA = "data/public.items.jsonl.zst"


@pytest.fixture
def items(new_database: Callable[..., Database]) -> Database:
    return new_database(ITEMS)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small file system can be mounted by root alone")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_the_manifest_says_what_is_there(items: Database, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    written = back_up(items, folder, "items", "tags")
    manifest = read_manifest(folder)
    assert manifest == written
    assert (manifest.rows, manifest.facts, manifest.server_version // 10000) == (2010, FACTS, 18)
    assert datetime.now(UTC) - manifest.taken_at < timedelta(minutes=5)
    table, tags = manifest.tables
    assert (table.name, table.file.path, table.rows.key_order) == (TableName("public", "items"), DATA, ("id",))
    content = (folder / DATA).read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (table.file.size_bytes, table.file.sha256)
    assert [(s.name.name, s.last_value, s.is_called) for s in tags.sequences] == [("tags_id_seq", 10, True)]
    assert json.loads((folder / "manifest.json").read_text())["spec_sha256"] == FACTS.spec_sha256
    assert json.loads(read_data(folder, DATA)[1999]) == {"id": 2000, "body": hashlib.md5(b"2000").hexdigest()}


def test_files_are_for_their_owner_alone(items: Database, tmp_path: Path) -> None:
    back_up(items, tmp_path / "name" / "backup", "items")
    places = [tmp_path / "name", *(tmp_path / "name").rglob("*")]
    modes = {stat.S_IMODE(p.stat().st_mode) for p in places if p.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(p.stat().st_mode) for p in places if p.is_dir()} == {0o700}


@pytest.mark.parametrize("name", [DATA, "schema.sql", "restore.sql", "manifest.json"])
def test_a_changed_byte_is_found_and_its_file_named(items: Database, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "backup"
    back_up(items, folder, "items")
    content = bytearray((folder / name).read_bytes())
    place = content.index(b'"rows": 2000') + 9 if name == "manifest.json" else len(content) // 2
    content[place] ^= 0x01
    (folder / name).write_bytes(content)
    with pytest.raises(BackupDamaged, match=name):
        verify_files(folder, read_manifest(folder))
    with closing(items.connect_as_pgfold()) as connection, pytest.raises(BackupDamaged, match=name):
        drill(connection, folder)


@pytest.mark.parametrize(
    "change", [lambda c: c[:-100], lambda c: c[: len(c) // 2], lambda c: b"", lambda c: c + b"x", lambda c: c + c]
)
def test_a_file_cut_or_added_to_is_found(items: Database, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    folder = tmp_path / "backup"
    manifest = back_up(items, folder, "items")
    (folder / DATA).write_bytes(change((folder / DATA).read_bytes()))
    with pytest.raises(BackupDamaged, match=DATA):
        verify_files(folder, manifest)


@pytest.mark.parametrize("rows", [-1, 1])
def test_a_number_of_rows_that_is_not_in_the_file_is_found(items: Database, tmp_path: Path, rows: int) -> None:
    folder = tmp_path / "backup"
    manifest = back_up(items, folder, "items")
    (table,) = manifest.tables
    lying = replace(table, digest=replace(table.digest, rows=table.digest.rows + rows))
    with pytest.raises(BackupDamaged, match=f"{DATA} holds 2000 rows, and the manifest says {2000 + rows}"):
        verify_files(folder, replace(manifest, tables=(lying,)))


def test_a_missing_file_is_named(items: Database, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    manifest = back_up(items, folder, "items")
    (folder / DATA).unlink()
    with pytest.raises(BackupDamaged, match=f"{DATA} cannot be read"):
        verify_files(folder, manifest)


def test_a_folder_without_a_manifest_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupDamaged, match=r"is not a backup: it has no manifest\.json"):
        read_manifest(tmp_path)


def test_a_newer_format_is_refused(items: Database, tmp_path: Path) -> None:
    back_up(items, tmp_path / "backup", "items")
    path = tmp_path / "backup" / "manifest.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(BackupDamaged, match=r"its format is 2, and this pgfold reads 1"):
        read_manifest(tmp_path / "backup")


def test_rows_written_meanwhile_are_in_all_tables_or_in_none(items: Database, tmp_path: Path) -> None:
    """The snapshot is taken before the first row is read; what commits later is not in it, in no table."""
    tables = describe(items, ["items", "tags"])
    opened: list[Connection] = []

    def open_connection() -> Connection:
        if len(opened) == 1:  # which has taken the snapshot
            items.run("INSERT INTO items VALUES (9999, 'late') ON CONFLICT DO NOTHING")
            items.run("INSERT INTO tags VALUES (99, 1) ON CONFLICT DO NOTHING")
        connection = items.connect_as_pgfold()
        opened.append(connection)
        return connection

    manifest = write_backup(open_connection, tmp_path / "backup", tables, FACTS, lambda *_: None)
    assert [table.digest.rows for table in manifest.tables] == [2000, 10]
    assert items.value("SELECT count(*) FROM items") == 2001
    assert len(opened) == 3
    assert all(connection.closed for connection in opened)


def test_a_backup_is_never_written_over(items: Database, tmp_path: Path) -> None:
    manifest = back_up(items, tmp_path / "backup", "items")
    with pytest.raises(BackupDamaged, match="holds a backup already"):
        back_up(items, tmp_path / "backup", "tags")
    assert read_manifest(tmp_path / "backup") == manifest


def test_a_full_disk_is_named_and_leaves_nothing(items: Database, small_disk: Path) -> None:
    items.run("INSERT INTO items SELECT n, md5(random()::text) || md5(n::text) FROM generate_series(3000, 60000) n")
    with pytest.raises(BackupDamaged, match=r"could not be written: No space left on device.*make room"):
        back_up(items, small_disk / "backup", "items")
    assert list(small_disk.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(items: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BackupDamaged, match="could not be written"):
        back_up(items, tmp_path / "file" / "backup", "items")


def test_a_lost_connection_is_named_and_leaves_nothing(items: Database, tmp_path: Path) -> None:
    items.run("INSERT INTO items SELECT n, repeat(md5(n::text), 40) FROM generate_series(3000, 60000) n")
    told: list[int] = []

    def cut(table: TableName, done: int, total: int) -> None:
        told.append(done)
        if len(told) == 1:
            items.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'pgfold'"
            )

    with pytest.raises(ConnectionLost, match=r"run it again"):
        write_backup(items.connect_as_pgfold, tmp_path / "backup", describe(items, ["items"]), FACTS, cut)
    assert told
    assert not (tmp_path / "backup").exists()


def test_an_interruption_stops_the_workers(items: Database, tmp_path: Path) -> None:
    items.run("INSERT INTO items SELECT n, repeat(md5(n::text), 40) FROM generate_series(3000, 60000) n")

    def interrupt(table: TableName, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_backup(items.connect_as_pgfold, tmp_path / "backup", describe(items, ["items"]), FACTS, interrupt)
    assert not (tmp_path / "backup").exists()
    assert items.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgfold'") == 0
    assert [t.name for t in threading.enumerate() if t.name.startswith("export")] == []


def test_a_killed_process_leaves_no_backup_and_a_rerun_makes_one(items: Database, tmp_path: Path) -> None:
    items.run("INSERT INTO items SELECT n, repeat(md5(n::text), 40) FROM generate_series(3000, 90000) n")
    folder = tmp_path / "backup"
    child = subprocess.Popen([sys.executable, "-m", "tests.backups", items.url, str(folder), "items"])
    while child.poll() is None and not any(folder.glob("data/*")):
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    with pytest.raises(BackupDamaged, match="is not a backup"):
        read_manifest(folder)
    manifest = back_up(items, folder, "items")
    verify_files(folder, manifest)
    drill_against_live(items, folder, manifest)


def test_a_table_that_is_not_as_described_is_refused(items: Database, tmp_path: Path) -> None:
    tables = describe(items, ["items"])
    items.run("ALTER TABLE items ADD COLUMN late text")
    with pytest.raises(StateUnknown, match=r"public\.items was changed"):
        write_backup(items.connect_as_pgfold, tmp_path / "backup", tables, FACTS, lambda *_: None)
    items.run("DROP TABLE items CASCADE; CREATE TABLE items (id integer PRIMARY KEY, body text NOT NULL)")
    with pytest.raises(StateUnknown, match=r"public\.items was changed"):
        write_backup(items.connect_as_pgfold, tmp_path / "backup", tables, FACTS, lambda *_: None)
    assert not (tmp_path / "backup").exists()


def test_a_table_in_exclusive_use_is_waited_for_and_then_named(
    items: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.database.snapshot._LOCK_WAIT", "50ms")
    tables = describe(items, ["items"])
    with closing(items.connect()) as other, other.transaction():
        other.execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LockNotAvailable, match="take a snapshot of the tables"):
            write_backup(items.connect_as_pgfold, tmp_path / "backup", tables, FACTS, lambda *_: None)


def test_rows_that_the_role_may_not_see_are_an_error(items: Database, tmp_path: Path) -> None:
    items.run(
        "DO $$ BEGIN CREATE ROLE backup_half_blind; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        "GRANT SELECT ON items TO backup_half_blind; ALTER TABLE items ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY half ON items FOR SELECT USING (id % 2 = 0)"
    )

    def open_connection() -> Connection:
        connection = items.connect_as_pgfold()
        connection.execute("SET ROLE backup_half_blind")
        return connection

    with pytest.raises(DatabaseError, match=r"row-level security policy for table .?items"):
        write_backup(open_connection, tmp_path / "backup", describe(items, ["items"]), FACTS, lambda *_: None)
    assert not (tmp_path / "backup").exists()


def test_memory_does_not_grow_with_rows(items: Database, tmp_path: Path) -> None:
    items.run("INSERT INTO items SELECT n, repeat(md5(n::text), 30) FROM generate_series(3000, 203000) n")
    written = subprocess.run(
        [sys.executable, "-m", "tests.backups", items.url, str(tmp_path / "backup"), "items"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert int(written.stdout) < 120
    assert read_manifest(tmp_path / "backup").rows == 202001


def test_a_value_of_a_hundred_megabytes_works(items: Database, tmp_path: Path) -> None:
    items.run("INSERT INTO items SELECT 5000, repeat(md5('x') || E'\\n', 3200000)")
    back_up(items, tmp_path / "backup", "items")
    with closing(items.connect_as_pgfold()) as connection:
        assert drill(connection, tmp_path / "backup").rows == 2001


def test_a_row_too_long_for_the_server_is_named(items: Database, tmp_path: Path) -> None:
    """Its JSON would be longer than a value of PostgreSQL can be, 1 GB: here a sixth of that, in control characters."""
    items.run("INSERT INTO items SELECT 5000, repeat(E'\\x01', 190000000)")
    with pytest.raises(DatabaseError, match=r"export public\.items: "):
        back_up(items, tmp_path / "backup", "items")
    assert not (tmp_path / "backup").exists()


def test_a_drill_says_which_live_table_differs_and_leaves_nothing(items: Database, tmp_path: Path) -> None:
    manifest = back_up(items, tmp_path / "backup", "items", "tags")
    items.run("UPDATE items SET body = body || ' ' WHERE id = 7")
    with pytest.raises(RowsDiffer, match=r"public\.items holds 2000 rows"):
        drill_against_live(items, tmp_path / "backup", manifest)
    assert items.value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pgfold_drill%'") == 0


def test_a_drill_needs_the_types_and_names_the_one_that_is_gone(items: Database, tmp_path: Path) -> None:
    items.run("CREATE TYPE kind AS ENUM ('a'); ALTER TABLE tags ADD kind kind DEFAULT 'a'")
    back_up(items, tmp_path / "backup", "tags")
    items.run("ALTER TABLE tags DROP kind; DROP TYPE kind")
    with closing(items.connect_as_pgfold()) as connection:
        with pytest.raises(
            BackupDamaged, match=r'public\.tags has a type that is gone: type "public\.kind" does not exist'
        ):
            drill(connection, tmp_path / "backup")
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_no_password_is_in_a_process_title(items: Database, tmp_path: Path) -> None:
    """pg_dump gets it in its environment, which other accounts cannot read."""
    url = items.url.replace("postgres@", "postgres:verysecret@")
    titles: set[str] = set()
    seen = threading.Event()

    def watch() -> None:
        while not seen.wait(0.01):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    titles.add(path.read_text(errors="replace"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        write_backup(lambda: connect(url), tmp_path / "backup", describe(items, ["items"]), FACTS, lambda *_: None)
    finally:
        seen.set()
        watcher.join()
    assert any("pg_dump" in title and "--schema-only" in title for title in titles)
    assert not any("verysecret" in title for title in titles)
