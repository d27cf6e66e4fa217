"""The server goes away, or its disk is full, in the middle of a step: one message, and a rerun completes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from pipelines.core.errors import ConnectionLost, DatabaseError, LockNotAvailable, Transient
from pipelines.database.account import choose_account, own, run_as
from pipelines.database.embedded import EmbeddedServer, embedded_server
from tests.chaos.stepping import Place
from tests.cutting import staged
from tests.databases import Database, Templates
from tests.dump import dump
from tests.folding import spec_text

STEPS = ("export", "add_columns", "map_fields", "verify", "cut_over")
TABLES = """
CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO things SELECT -g, 'own ' || g FROM generate_series(1, 20) g;
CREATE TABLE a (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO a SELECT g, repeat('a' || g, {length}) FROM generate_series(1, {rows}) g;
CREATE TABLE parts (id int PRIMARY KEY, a int NOT NULL REFERENCES a ON DELETE CASCADE);
INSERT INTO parts SELECT g, g FROM generate_series(1, {rows}) g;
"""
SMALL = TABLES.format(length=1, rows=500)
TEXT = spec_text("things", "table: a\nset: {origin: a}", more="batch_rows: 100\nadd_columns: {origin: {type: text}}")
FOLDED = "SELECT count(*) FROM things t JOIN pgfold_things_public.a USING (id, name)"


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedServer]:
    """A server that only these tests use, since they stop it; what it committed is there afterwards."""
    settings = {"autovacuum": "off", "max_prepared_transactions": "5"}
    with TemporaryDirectory(prefix="pgfold-test-") as name, embedded_server(Path(name), settings=settings) as server:
        yield server


@pytest.fixture
def database(own_server: EmbeddedServer) -> Iterator[Database]:
    """A small one there."""
    with Templates(own_server).clone(SMALL) as made:
        yield made


def restart(server: EmbeddedServer) -> None:
    """Stopped without a shutdown, as in a crash, and started again."""
    account = choose_account(server.folder / "data")
    command = [str(server.bin_folder / "pg_ctl"), "restart", "--mode=immediate", "--wait", "--silent", "--pgdata=data"]
    ended = run_as(account, [*command, "--log=log"], server.folder)
    assert ended.returncode == 0, ended.stderr


def end_sessions(server: EmbeddedServer, database: Database) -> None:
    """As a host does that wants to be rid of them."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name LIKE 'pgfold%%'"
            " AND datname = %s",
            [database.name],
        )


@pytest.mark.parametrize("how", ["restart", "terminate"])
def test_a_step_that_lost_the_server_goes_on(
    own_server: EmbeddedServer, database: Database, tmp_path: Path, how: str
) -> None:
    trouble: Callable[[], None] = (
        (lambda: restart(own_server)) if how == "restart" else (lambda: end_sessions(own_server, database))
    )
    before = dump(database)
    place = Place(database, tmp_path, TEXT)
    place.plan()
    for step in STEPS:
        with pytest.raises(Transient) as lost:
            place.take(step, moment=6 if step == "cut_over" else 2, happens=trouble)
        assert isinstance(lost.value, ConnectionLost), step
        assert "\n" not in str(lost.value)
        assert "run it again" in str(lost.value) or "is the server running" in str(lost.value), step
        place.take(step)
    assert database.value(FOLDED) == 500
    place.take("rollback")
    assert dump(database) == before


def test_a_prepared_transaction_is_named_and_a_rerun_completes(database: Database) -> None:
    cutting = staged(database, spec_text("things", "table: a", more="lock_timeout: 20ms\nlock_wait: 100ms"))
    database.run("BEGIN; UPDATE a SET name = 'prepared' WHERE id = 1; PREPARE TRANSACTION 'forgotten'")
    with pytest.raises(LockNotAvailable, match=r"public\.a .*a prepared transaction \(see pg_prepared_xacts\)"):
        cutting.cut()
    database.run("COMMIT PREPARED 'forgotten'")
    cutting.cut()
    assert database.rows("SELECT name FROM things WHERE id = 1") == [("prepared",)]


@contextmanager
def small_disk(server: EmbeddedServer, folder: Path, size: str) -> Iterator[Path]:
    """A file system of that size, on which the server may write."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"only root may mount a small disk: {mounted.stderr.decode().strip()}")
    try:
        own(folder, choose_account(server.folder / "data"))
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_step_that_filled_the_servers_disk_goes_on_once_there_is_room(
    own_server: EmbeddedServer, tmp_path: Path
) -> None:
    with (
        TemporaryDirectory(prefix="pgfold-test-", dir="/tmp") as name,
        small_disk(own_server, Path(name) / "disk", "64m") as disk,
    ):
        Path(name).chmod(0o755)
        with on_disk(own_server, disk) as database:
            place = Place(database, tmp_path, TEXT)
            place.plan()
            place.take("export")
            place.take("add_columns")
            for step in ("map_fields", "verify", "cut_over"):
                with full(disk), pytest.raises(DatabaseError, match=r"No space left.*: make room .* run it again"):
                    place.take(step)
                place.take(step)
            assert database.value(FOLDED) == 4_000


@contextmanager
def on_disk(server: EmbeddedServer, disk: Path) -> Iterator[Database]:
    """A database there, of which each copy of the rows takes some megabytes."""
    made = Database("crowded", server.database_url("crowded"))
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'".encode())
        connection.execute("CREATE DATABASE crowded TABLESPACE small")
        made.run(TABLES.format(length=150, rows=4_000))
        try:
            yield made
        finally:
            connection.execute("DROP DATABASE crowded WITH (FORCE)")
            connection.execute("DROP TABLESPACE small")


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """A file takes all the room there is, but for a little."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        free = subprocess.run(["df", "--output=avail", "-B1", str(disk)], capture_output=True, text=True, check=True)
        file.write(bytes(max(0, int(free.stdout.split()[-1]) - 400_000)))
    try:
        yield
    finally:
        ballast.unlink()
