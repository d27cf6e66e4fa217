"""How long an undo takes, beside one hand-written INSERT ... SELECT of the same rows.

python -m bench.rollback [rows]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from bench.ratios import Ratio
from bench.tables import ROWS, make_people, make_tickets
from pipelines.core.reconciliation import KEEP_EDITS
from pipelines.core.spec import Spec
from pipelines.core.spec_file import parse_spec
from pipelines.database.connection import connect
from pipelines.database.embedded import embedded_server
from pipelines.steps import workflow
from pipelines.steps.surroundings import Surroundings

SPEC = """
type: pipelines.Consolidation
attributes:
  target: bench.issues
  sources:
    - table: bench.tickets
      columns:
        status: {to: state, values: {open: Open, in_progress: In progress, resolved: Resolved, closed: Closed}}
        description: metadata.description
        metadata: metadata.details
"""

TARGET = """
CREATE TABLE bench.issues (
    id uuid PRIMARY KEY, title text NOT NULL, state text NOT NULL, labels text[], watchers integer[] NOT NULL,
    metadata jsonb NOT NULL, created_at timestamptz NOT NULL, due_on timestamp,
    reporter_id bigint NOT NULL REFERENCES bench.people);
CREATE INDEX ON bench.issues (state);
CREATE INDEX ON bench.issues (created_at);
CREATE TABLE bench.peer (LIKE bench.issues INCLUDING ALL, FOREIGN KEY (reporter_id) REFERENCES bench.people);
"""

PEER = """
INSERT INTO bench.peer (id, title, state, labels, watchers, metadata, created_at, due_on, reporter_id)
SELECT id, title, initcap(replace(status, '_', ' ')), labels, watchers,
       jsonb_build_object('description', description, 'details', metadata), created_at, due_on, reporter_id
FROM bench.tickets
"""

EDIT = "UPDATE bench.issues SET title = title || ' (edited)' WHERE abs(hashtext(id::text)) % 100 = 0"


def main() -> None:
    """Measure on an embedded server of its own and print the ratios."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    for line in run(rows):
        print(line)


def run(rows: int = ROWS) -> list[str]:
    """The lines of this section."""
    with _prepared(rows) as surroundings:
        return [str(ratio) for ratio in measure(surroundings)]


def measure(surroundings: Surroundings) -> Iterator[Ratio]:
    """The peer before each undo, so that what disturbs the machine disturbs both. No limit is set for these."""
    spec = parse_spec("bench_undo", SPEC, "bench")
    for what, edit in (("no row edited", None), ("1 % of the rows edited", EDIT)):
        fold(surroundings, spec)
        peer = _timed(surroundings, f"TRUNCATE bench.peer; {PEER.replace('bench.tickets', _archived(surroundings))}")
        if edit is not None:
            _timed(surroundings, edit)
        started = time.monotonic()
        workflow.rollback(surroundings, spec.name, KEEP_EDITS)
        yield Ratio(f"rollback, {what} / INSERT ... SELECT", (time.monotonic() - started) / peer, float("inf"))


def fold(surroundings: Surroundings, spec: Spec) -> None:
    """From plan to cut-over."""
    workflow.store_plan(surroundings, workflow.plan(surroundings, spec))
    workflow.export(surroundings, spec)
    for step in (workflow.add, workflow.stage, workflow.check, workflow.cut):
        step(surroundings, spec.name)


def _archived(surroundings: Surroundings) -> str:
    return "pgfold_bench_undo_bench.tickets"


def _timed(surroundings: Surroundings, statements: str) -> float:
    with closing(surroundings.connect("bench")) as connection:
        started = time.monotonic()
        connection.execute(statements.encode())
        return time.monotonic() - started


@contextmanager
def _prepared(rows: int) -> Iterator[Surroundings]:
    with tempfile.TemporaryDirectory(prefix="pgfold-bench-") as name:
        folder = Path(name)
        with embedded_server(folder / "server") as server:
            with closing(connect(server.url)) as connection:
                make_people(connection)
                make_tickets(connection, rows)
                connection.execute(TARGET.encode())
            yield Surroundings(
                database_url=server.url,
                backups=folder / "backups",
                now=lambda: datetime.now(UTC),
                new_id=uuid4,
                wait=time.sleep,
                tell=lambda _: None,
                person="bench",
            )


if __name__ == "__main__":
    main()
