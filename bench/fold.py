"""What a fold costs, proven twice, beside one hand-written INSERT ... SELECT of the same rows.

    python -m bench.fold [rows] [turns]

The peer writes into a table with the target's three indexes and its foreign key, and checks nothing. Ours stages the
rows with a row map and its two indexes, reads every one of them back, writes them into the target, and reads them back
again. In turns, each after a checkpoint, so that what disturbs the machine disturbs both.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from bench.lock_window import surroundings_at
from bench.ratios import Ratio
from bench.rollback import PEER, SPEC, TARGET
from bench.tables import ROWS, make_people, make_tickets
from pipelines.core.fold import Fold
from pipelines.core.ledger_rows import RunKind
from pipelines.core.spec_file import parse_spec
from pipelines.database import ledger, ledger_runs
from pipelines.database.connection import connect
from pipelines.database.embedded import embedded_server
from pipelines.steps import add_columns, cut_over, map_fields
from pipelines.steps.add_columns import AddColumns
from pipelines.steps.cut_over import CutOver
from pipelines.steps.map_fields import MapFields
from pipelines.steps.plan import make_plan
from pipelines.steps.rows import keeping_tables, proof
from pipelines.steps.session import Session
from pipelines.steps.surroundings import Surroundings

TURNS = 5
LIMIT = 1.6
PARTS = ("staging", "proof in staging", "insert", "proof in the target")


def main() -> None:
    """Measure on an embedded server of its own and print the ratios."""
    given = [int(value) for value in sys.argv[1:3]]
    rows, turns = [*given, *(ROWS, TURNS)[len(given) :]]
    for line in run(rows, turns):
        print(line)


def run(rows: int = ROWS, turns: int = TURNS) -> list[str]:
    """The lines of this section: medians of the ratios of each turn."""
    with _prepared(rows) as surroundings:
        taken = [(_peer(surroundings), _fold(surroundings)) for _ in range(turns)]
    together = median(sum(parts.values()) / peer for peer, parts in taken)
    seconds = median(peer for peer, _ in taken)
    return [
        f"{f'INSERT ... SELECT of {rows:,} rows by hand':<66} {seconds:7.2f} s",
        *(f"{f'{part} / INSERT ... SELECT':<66} {median(p[part] / peer for peer, p in taken):7.2f}" for part in PARTS),
        str(Ratio("staging, both proofs and the insert together / INSERT ... SELECT", together, LIMIT)),
    ]


def _peer(surroundings: Surroundings) -> float:
    with closing(surroundings.connect("bench")) as connection:
        connection.execute("TRUNCATE bench.peer; CHECKPOINT")
        return _timed(lambda: connection.execute(PEER.encode()))


def _fold(surroundings: Surroundings) -> Mapping[str, float]:
    """The seconds of each part. Its transaction is undone, and nothing of it is left for the next turn."""
    spec = parse_spec("bench_fold", SPEC, "bench")
    with closing(surroundings.connect("bench")) as connection:
        connection.execute("DROP SCHEMA IF EXISTS pgfold CASCADE; CHECKPOINT")
        ledger.ensure_ledger(connection, "public")
        fold = make_plan(connection, spec, quick=True).fold
        assert fold is not None
        run = ledger_runs.start_run(
            connection, id=surroundings.new_id(), fold=spec.name, kind=RunKind.FOLD, plan_hash="bench",
            spec_sha256=spec.sha256, tracking_schema="public", started_by="bench", at=surroundings.now(),
        )  # fmt: skip
        session = surroundings.session(connection, "bench", run.id)
        add_columns.apply(AddColumns(fold), session)
        connection.execute("CHECKPOINT")
        taken = dict(zip(PARTS, _parts(fold, session), strict=True))
        ledger_runs.finish_run(connection, run, surroundings.now())
    return taken


def _parts(fold: Fold, session: Session) -> Iterator[float]:
    (source,) = fold.lens.sources
    yield _timed(lambda: _stage(fold, session))
    yield _timed(lambda: session.one(proof.count_staged(fold, source, refold=False)))
    with session.connection.transaction(force_rollback=True):
        yield _timed(lambda: session.execute_all(cut_over.before_the_lock(CutOver(fold))))
        yield _timed(lambda: session.one(proof.count_target(fold, source, refold=False)))


def _stage(fold: Fold, session: Session) -> None:
    step = MapFields(fold)
    map_fields.begin(step, session)
    map_fields.apply(step, session)
    for source in fold.lens.sources:
        session.execute_all(keeping_tables.index_staging(fold, source))


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


@contextmanager
def _prepared(rows: int) -> Iterator[Surroundings]:
    with tempfile.TemporaryDirectory(prefix="pgfold-bench-") as name, embedded_server(Path(name) / "server") as server:
        with closing(connect(server.url)) as connection:
            make_people(connection)
            make_tickets(connection, rows)
            connection.execute(TARGET.encode())
        yield surroundings_at(server.url, Path(name) / "backups")


if __name__ == "__main__":
    main()
