"""Servers of other PostgreSQL versions than the embedded one, for what must work on each that is supported."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.database.account import choose_account, own, run_as, share_installation
from pipelines.database.embedded import SERVER_MAJOR, EmbeddedServer
from pipelines.database.programs import embedded_bin_folders
from tests.databases import Templates

_DEBIAN = Path("/usr/lib/postgresql")


def _bin_folder(major: int) -> Path | None:
    installed = [embedded_bin_folders().get(major), _DEBIAN / str(major) / "bin"]
    return next((folder for folder in installed if folder and (folder / "initdb").exists()), None)


# The embedded server's package has 16 and 18; 15 is Debian's, so its absence is said; 17 is tried where it is there.
_VERSIONS = [15, 16, *([17] if _bin_folder(17) else []), SERVER_MAJOR]


@pytest.fixture(scope="session", params=_VERSIONS, ids="postgresql_{}".format)
def templates_of_each_version(request: pytest.FixtureRequest) -> Iterator[Templates]:
    """The template databases of a server of each version in turn; skipped where its programs are not installed."""
    if request.param == SERVER_MAJOR:
        yield request.getfixturevalue("templates")
        return
    bin_folder = _bin_folder(request.param)
    if bin_folder is None:
        pytest.skip(f"PostgreSQL {request.param} is not installed (Debian: apt-get install postgresql-{request.param})")
    with tempfile.TemporaryDirectory(prefix="pgfold-test-") as name, _running(bin_folder, Path(name)) as server:
        yield Templates(server)


@contextmanager
def _running(bin_folder: Path, folder: Path) -> Iterator[EmbeddedServer]:
    account = choose_account(folder / "data")
    own(folder, account)
    share_installation(bin_folder.parent, account)

    def run(program: str, *arguments: str) -> None:
        ended = run_as(account, [str(bin_folder / program), *arguments], folder)
        assert ended.returncode == 0, ended.stderr

    run("initdb", "--pgdata=data", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    options = f"--listen_addresses= --unix_socket_directories={folder} --fsync=off --autovacuum=off"
    run("pg_ctl", "start", "--wait", "--silent", "--pgdata=data", "--log=log", f"--options={options}")
    try:
        url = f"postgresql://postgres@/postgres?host={folder}&port=5432"
        yield EmbeddedServer(url, folder, bin_folder, folder / "log")
    finally:
        run("pg_ctl", "stop", "--mode=immediate", "--wait", "--silent", "--pgdata=data")
