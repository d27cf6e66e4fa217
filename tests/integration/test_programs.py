"""Client programs: the one that fits the server, and no password in its title."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pipelines.core.errors import DatabaseError, Refused
from pipelines.database.embedded import EmbeddedServer
from pipelines.database.programs import ProgramName, find_program, program_environment, run_program


@pytest.fixture
def path_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH with a psql that says it is version 99."""
    program = tmp_path / "psql"
    program.write_text("#!/bin/sh\necho 'psql (PostgreSQL) 99.1 (of a package)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.mark.parametrize("name", ProgramName)
def test_the_program_fits_the_server(server: EmbeddedServer, name: ProgramName) -> None:
    program = find_program(name, 180004)
    assert (program.path, program.major) == (server.bin_folder / name, 18)


def test_the_oldest_program_that_is_not_older_is_taken() -> None:
    assert find_program(ProgramName.PG_DUMP, 160009).major == 16
    assert find_program(ProgramName.PG_DUMP, 170006).major in (17, 18)


def test_a_program_on_path_is_taken_where_the_server_is_newer(path_folder: Path) -> None:
    assert find_program(ProgramName.PSQL, 190000).path == path_folder / "psql"


def test_a_server_newer_than_every_program_is_refused_naming_what_was_found() -> None:
    with pytest.raises(Refused, match=re.escape("needs pg_dump 98 or newer; only versions ")) as refused:
        find_program(ProgramName.PG_DUMP, 980001)
    assert "install postgresql-client-98" in str(refused.value)


def test_a_url_becomes_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("PGPASSFILE", "/passwords")
    environment = program_environment("postgres://me:p%40ss@db:5433/shop?sslmode=require&keepalives_idle=3")
    given = {name: value for name, value in environment.items() if name.startswith("PG")}
    assert given == {
        "PGHOST": "db", "PGPORT": "5433", "PGUSER": "me", "PGPASSWORD": "p@ss", "PGDATABASE": "shop",
        "PGSSLMODE": "require", "PGPASSFILE": "/passwords", "PGAPPNAME": "pgfold", "PGCLIENTENCODING": "UTF8",
    }  # fmt: skip


def test_a_running_program_shows_no_password(server: EmbeddedServer) -> None:
    url = server.url.replace("postgres@", "postgres:s3cret@", 1)
    psql = find_program(ProgramName.PSQL, 180000)
    title = run_program(psql, url, ["-XAt"], script="\\! tr '\\0' ' ' < /proc/$PPID/cmdline\n")
    assert "psql -XAt" in title
    assert "s3cret" not in title


def test_a_failure_is_told_in_one_line(server: EmbeddedServer) -> None:
    with pytest.raises(DatabaseError, match=r"^psql \(PostgreSQL 18\) failed.*ERROR: +syntax error") as failed:
        run_program(find_program(ProgramName.PSQL, 180000), server.url, ["-Xv", "ON_ERROR_STOP=1"], script="SELEC 1;")
    assert "\n" not in str(failed.value)
