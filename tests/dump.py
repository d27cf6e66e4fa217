"""A database as text, the same for two databases that hold the same."""

import re
from collections.abc import Iterator

from pipelines.database.programs import ProgramName, find_program, run_program
from tests.databases import Database

_HEADER = re.compile(r"--( (Name|Data for Name|Dumped (from|by)|PostgreSQL database dump).*)?")
_OWN = ("--exclude-schema=pgfold*", "--exclude-table=*.schema_migrations")


def dump(database: Database, *, with_own: bool = False) -> str:
    """The schema as pg_dump writes it, and each table's rows in sorted order (physical order is not promised).

    `with_own` adds what pgfold itself keeps: its schemas and schema_migrations.
    """
    pg_dump = find_program(ProgramName.PG_DUMP, 180000)
    text = run_program(pg_dump, database.url, () if with_own else _OWN)
    return "\n".join(_stable_lines(text.splitlines())) + "\n"


def _stable_lines(lines: list[str]) -> Iterator[str]:
    remaining = iter(lines)
    previous = ""
    for line in remaining:
        if line.startswith(("\\restrict", "\\unrestrict")) or _HEADER.fullmatch(line) or line == previous == "":
            continue
        yield (previous := line)
        if line.startswith("COPY ") and line.endswith(" FROM stdin;"):
            yield from sorted(iter(remaining.__next__, "\\."))
            yield (previous := "\\.")
