"""How long others wait while the sources leave and the target takes their place.

    python -m bench.lock_window [folds]

Folds of 100,000 rows, each in a fresh database, with four pgbench clients that insert, update, delete and upsert rows
of the source the whole time: as fast as they can, and 1,000 transactions a second. A window is from the first lock of
the try that succeeded to the end of the commit. Beside it stands the longest that any statement of the clients took,
which is what an application notices. Then: what moving a table to the archive takes, for tables of different size.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from uuid import uuid4

import psycopg
from psycopg import sql

from bench.ratios import Ratio
from pipelines.core.checks import failed
from pipelines.core.spec_file import parse_spec
from pipelines.database.connection import connect
from pipelines.database.embedded import EmbeddedServer, embedded_server
from pipelines.database.programs import ProgramName, find_program, program_environment
from pipelines.steps import archive, workflow
from pipelines.steps.plan import make_plan
from pipelines.steps.surroundings import Surroundings

FOLDS = 20
ROWS = 100_000
CLIENTS = 4
LIMIT_MS = 100.0
RATES: Sequence[tuple[str, tuple[str, ...]]] = (("as fast as they can", ()), ("1,000 a second", ("--rate=1000",)))
SIZES = (10_000, 100_000, 1_000_000)
_WAIT_S = 60

SPEC = """
type: pipelines.Consolidation
attributes:
  target: bench.issues
  approval: none
  sources:
    - table: bench.reports
      columns:
        title: name
        state: {to: status, values: {New: new, Open: open, Done: done}}
        details: metadata.details
"""

TABLES = """
CREATE SCHEMA bench;
CREATE TABLE bench.people (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO bench.people SELECT n, 'Person ' || n FROM generate_series(1, 1000) n;
CREATE TABLE bench.issues (
    id bigint PRIMARY KEY, name text NOT NULL, status text, reporter int REFERENCES bench.people, metadata jsonb,
    created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON bench.issues (status);
CREATE INDEX ON bench.issues (created_at);
INSERT INTO bench.issues SELECT -n, 'Issue ' || n, 'open', 1 + n % 1000, '{}' FROM generate_series(1, 10000) n;
CREATE TABLE bench.reports (
    id bigserial PRIMARY KEY, title text NOT NULL, state text DEFAULT 'New', reporter int REFERENCES bench.people,
    details jsonb, created_at timestamptz NOT NULL DEFAULT now());
INSERT INTO bench.reports (title, state, reporter, details)
SELECT 'Report ' || n, (ARRAY['New', 'Open', 'Done'])[1 + n % 3], 1 + n % 1000, jsonb_build_object('line', n)
FROM generate_series(1, {rows}) n;
CREATE TABLE bench.comments (
    id bigserial PRIMARY KEY, report bigint REFERENCES bench.reports ON DELETE CASCADE, content text);
INSERT INTO bench.comments (report, content)
SELECT n, 'Comment on ' || n FROM generate_series(1, {rows}, 4) n;
CREATE INDEX ON bench.comments (report);
VACUUM (ANALYZE);
"""

SCRIPTS = {
    "insert": "INSERT INTO bench.reports (title, reporter, details) VALUES ('new', 1 + :client_id, '{\"line\": 0}');",
    "update": "\\set id random(1, :rows)\nUPDATE bench.reports SET title = 'edited', state = 'Done' WHERE id = :id;",
    "delete": "\\set id random(1, :rows)\nDELETE FROM bench.reports WHERE id = :id;",
    "upsert": (
        "\\set id random(1, :rows)\nINSERT INTO bench.reports (id, title, state) VALUES (:id, 'upserted', 'Open')"
        " ON CONFLICT (id) DO UPDATE SET title = excluded.title || ' again', details = NULL;"
    ),
}


@dataclass(frozen=True, slots=True)
class Folded:
    """One fold beside the writers."""

    window_ms: float
    longest_statement_ms: float
    statements: int
    seconds: float


def main() -> None:
    """Measure on an embedded server of its own and print what was found."""
    folds = int(sys.argv[1]) if len(sys.argv) > 1 else FOLDS
    for line in run(folds):
        print(line, flush=True)


def run(folds: int = FOLDS) -> list[str]:
    """The lines of this section."""
    return list(measure(folds))


def measure(folds: int) -> Iterator[str]:
    """Figures as they are had: the windows at each rate, then the archive."""
    with tempfile.TemporaryDirectory(prefix="pgfold-bench-") as name, embedded_server(Path(name) / "server") as server:
        _make_template(server)
        for what, rate in RATES:
            folded = [_fold(server, Path(name), number, rate) for number in range(folds)]
            yield from _told(what, folded)
        yield from _archive(server)


def _told(what: str, folded: Sequence[Folded]) -> Iterator[str]:
    windows = [each.window_ms for each in folded]
    rate = sum(each.statements for each in folded) / sum(each.seconds for each in folded)
    label = f"longest lock window of {len(folded)} folds, {CLIENTS} clients, {what}"
    yield str(Ratio(label, max(windows), LIMIT_MS, unit=" ms"))
    yield f"{'  the median of them':<66} {median(windows):7.2f} ms"
    yield f"{'  the longest statement of any client':<66} {max(e.longest_statement_ms for e in folded):7.2f} ms"
    yield f"{'  statements of the clients a second':<66} {rate:7.0f}"


def _make_template(server: EmbeddedServer) -> None:
    _administer(server, sql.SQL("CREATE DATABASE bench_template"))
    with closing(connect(server.database_url("bench_template"))) as connection:
        for statement in TABLES.split(";\n"):
            if statement.strip():
                connection.execute(statement.replace("{rows}", str(ROWS)).encode())


def _administer(server: EmbeddedServer, statement: sql.Composable) -> None:
    with closing(connect(server.url)) as connection:
        connection.execute(statement.as_string(connection).encode())


@contextmanager
def _database(server: EmbeddedServer, name: str) -> Iterator[str]:
    made = sql.SQL("CREATE DATABASE {} TEMPLATE bench_template STRATEGY file_copy")
    _administer(server, made.format(sql.Identifier(name)))
    try:
        yield server.database_url(name)
    finally:
        _administer(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _fold(server: EmbeddedServer, folder: Path, number: int, rate: Sequence[str]) -> Folded:
    with _database(server, f"bench_{number}") as url, tempfile.TemporaryDirectory(dir=folder) as own:
        surroundings = surroundings_at(url, Path(own) / "backups")
        spec = parse_spec("bench_window", SPEC, "bench")
        workflow.store_plan(surroundings, workflow.plan(surroundings, spec))
        workflow.export(surroundings, spec)
        with _writers(url, Path(own), rate) as writers:
            for step in (workflow.add, workflow.stage, workflow.check, workflow.cut):
                done = step(surroundings, spec.name)
                assert not failed(done.checks), failed(done.checks)
            _, problems = writers.communicate(timeout=_WAIT_S)
        _refuse_strange(problems)
        written = list(_written(Path(own)))
        ended = [at for at, _ in written]
        longest_ms = max(took for _, took in written)
        return Folded(float(str(done.facts["locked_ms"])), longest_ms, len(written), max(ended) - min(ended))


@contextmanager
def _writers(url: str, folder: Path, rate: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Four clients; each ends with the first statement that finds no table any more."""
    program = find_program(ProgramName.PGBENCH, 180000)
    files = []
    for name, text in SCRIPTS.items():
        path = folder / f"{name}.sql"
        path.write_text(text)
        files.append(f"--file={path}")
    arguments = ["--no-vacuum", f"--client={CLIENTS}", "--time=600", "--log", f"--log-prefix={folder / 'log'}"]
    command = [str(program.path), *arguments, f"--define=rows={ROWS}", *files, *rate]
    environment = program_environment(url)
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _wait_until_they_write(url)
        yield running
    finally:
        running.kill()
        running.wait()


def _wait_until_they_write(url: str) -> None:
    end = time.monotonic() + _WAIT_S
    with psycopg.connect(url, autocommit=True) as connection:
        query = "SELECT count(*) FROM bench.reports WHERE title = 'new'"
        while connection.execute(query).fetchall()[0][0] < CLIENTS:
            assert time.monotonic() < end, "pgbench does not write"
            time.sleep(0.02)


def _refuse_strange(problems: str) -> None:
    """No statement may have failed but those on the name that is gone."""
    told = [line for line in problems.splitlines() if "ERROR" in line or "FATAL" in line]
    strange = [line for line in told if 'relation "bench.reports" does not exist' not in line]
    assert not strange, strange


def _written(folder: Path) -> Iterator[tuple[float, float]]:
    """When each statement ended, in seconds, and the milliseconds it took (manual, pgbench, Per-Transaction Logging).

    At a rate, what it took is told from when it was due, and by how much it began later.
    """
    for path in folder.glob("log.*"):
        for line in path.read_text().splitlines():
            _, _, took_us, _, at_s, at_us, *late_us = line.split()
            if took_us.isdigit():
                yield int(at_s) + int(at_us) / 1e6, (int(took_us) - sum(map(int, late_us))) / 1000


def _archive(server: EmbeddedServer) -> Iterator[str]:
    """Median milliseconds of moving a table to the archive and freezing it, for each size."""
    taken = {rows: _archive_ms(server, rows) for rows in SIZES}
    for rows, milliseconds in taken.items():
        yield f"{f'archive a table of {rows:,} rows':<66} {milliseconds:7.2f} ms"
    yield str(Ratio("archive of 1,000,000 rows / of 10,000 rows", taken[SIZES[-1]] / taken[SIZES[0]], 2.0))


def _archive_ms(server: EmbeddedServer, rows: int) -> float:
    taken = []
    with _database(server, "bench_archive") as url, closing(connect(url)) as connection:
        connection.execute(
            "INSERT INTO bench.reports (title, reporter) SELECT 'more', 1 FROM generate_series(%s, %s::int)",
            [ROWS + 1, rows],
        )
        connection.execute("DELETE FROM bench.reports WHERE id > %s", [rows])
        connection.execute("CREATE SCHEMA IF NOT EXISTS pgfold")
        fold = make_plan(connection, parse_spec("bench_window", SPEC, "bench"), quick=True).fold
        assert fold is not None
        for _ in range(FOLDS):
            with connection.transaction(force_rollback=True):
                for statement in (*archive.make_schemas(fold), archive.freeze_function()):
                    connection.execute(statement.query)
                started = time.monotonic()
                for statement in archive.archive(fold):
                    connection.execute(statement.query)
                taken.append((time.monotonic() - started) * 1000)
    return median(taken)


def surroundings_at(url: str, backups: Path) -> Surroundings:
    """As a command has them."""
    return Surroundings(
        database_url=url,
        backups=backups,
        now=lambda: datetime.now(UTC),
        new_id=uuid4,
        wait=time.sleep,
        tell=lambda _: None,
        person="bench",
    )


if __name__ == "__main__":
    main()
