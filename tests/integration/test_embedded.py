"""The embedded server: shared by every process on its folder, stopped by the last, whatever happens to the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from pipelines.core.errors import Refused
from pipelines.database.embedded import EmbeddedServer, embedded_server

_USE_UNTIL_TOLD = """
import sys
from pathlib import Path
from pipelines.database.embedded import embedded_server
with embedded_server(Path(sys.argv[1]), durable=False) as server:
    print(server.url, flush=True)
    sys.stdin.readline()
"""


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that uses the folder's server until a line is written to it; started, not yet ready."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _USE_UNTIL_TOLD, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def leave(process: subprocess.Popen[str]) -> str:
    """End it in good order; what it said on standard error."""
    _, said = process.communicate("\n", timeout=60)
    assert process.returncode == 0, said
    return said


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_url_serves_psycopg_sqlalchemy_and_psql(server: EmbeddedServer) -> None:
    with psycopg.connect(server.url) as connection:
        assert connection.info.server_version // 10000 == 18
    engine = sqlalchemy.create_engine(server.url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as alchemy:
        assert alchemy.execute(sqlalchemy.text("SELECT current_user")).scalar_one() == "postgres"
    engine.dispose()
    psql = [str(server.bin_folder / "psql"), server.url, "-XAtc", "SELECT 6 * 7"]
    assert subprocess.run(psql, capture_output=True, text=True, check=True).stdout == "42\n"


def test_two_processes_that_start_at_once_share_one_server_and_the_last_stops_it(server_folder: Path) -> None:
    with another_process(server_folder) as one, another_process(server_folder) as other:
        url = url_of(one)
        assert url_of(other) == url
        assert leave(one) == ""
        assert answers(url)
        assert leave(other) == ""
        assert not answers(url)


def test_a_killed_process_keeps_nobody_from_stopping_the_server(server_folder: Path) -> None:
    with another_process(server_folder) as killed, another_process(server_folder) as other:
        url = url_of(killed)
        url_of(other)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert answers(url)
        leave(other)
        assert not answers(url)


def test_a_server_left_behind_by_a_killed_process_is_joined_and_stopped(server_folder: Path) -> None:
    with another_process(server_folder) as killed:
        url = url_of(killed)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    with embedded_server(server_folder) as joined:
        assert joined.url == url
        assert answers(url)
    assert not answers(url)


def test_rows_outlive_a_killed_server(server_folder: Path) -> None:
    with embedded_server(server_folder) as first, psycopg.connect(first.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
        os.kill(int((server_folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    with embedded_server(server_folder) as again, psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT a FROM kept").fetchall() == [(1,)]


@pytest.mark.parametrize("name", ["with space, comma, 'quotes\" and $HOME", "ümlaut", "long" * 30])
def test_a_folder_of_any_name_holds_a_server(server_folder: Path, name: str) -> None:
    with embedded_server(server_folder / name, durable=False) as running:
        assert answers(running.url)
        assert answers(running.database_url("template1"))
    assert not list(Path("/tmp").glob(f"pgfold-*-{_digest(server_folder / name)}")), "a socket folder was left behind"


def _digest(folder: Path) -> str:
    return sha256(os.fsencode(folder)).hexdigest()[:16]


def test_a_name_with_a_slash_or_a_blank_is_reached(server: EmbeddedServer) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection, ExitStack() as dropped:
        connection.execute('CREATE DATABASE "a/b c?d"')
        dropped.callback(connection.execute, 'DROP DATABASE "a/b c?d" WITH (FORCE)')
        with psycopg.connect(server.database_url("a/b c?d")) as other:
            assert other.info.dbname == "a/b c?d"


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Refused, match=r"holds other files \(thesis.txt\)"), embedded_server(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert tmp_path.stat().st_uid == os.geteuid()


def test_a_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(Refused, match=r"PostgreSQL 16.*pg_upgrade"), embedded_server(tmp_path):
        pass


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(Refused, match="cannot hold the embedded database"), embedded_server(tmp_path / "taken"):
        pass


def test_no_other_account_may_connect(server: EmbeddedServer) -> None:
    socket = next(server.folder.glob(".s.PGSQL.5432"))
    assert socket.stat().st_mode & 0o077 == 0
    assert server.folder.stat().st_mode & 0o077 == 0
