"""abandon: the way back before the cut-over; the application never saw the rows, so only preparations leave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from pipelines.core import names
from pipelines.core.fold import Fold
from pipelines.core.names import Keeping
from pipelines.core.recorded import Recorded
from pipelines.core.statement import Statement
from pipelines.steps import capture, keeping_tables, sequences_back
from pipelines.steps.columns_back import restore_columns
from pipelines.steps.ddl import run_short
from pipelines.steps.session import Session


@dataclass(frozen=True, slots=True)
class Abandon:
    """What leaves. `leaving` are added columns that no other fold uses, `not_null` columns that are NOT NULL again.

    `folded_before`: rows went home from the target once, so the row map and what was kept stay for the next fold.
    """

    fold: Fold
    recorded: Recorded
    leaving: tuple[str, ...]
    not_null: tuple[str, ...]
    folded_before: bool


def statements(step: Abandon) -> Iterator[Statement]:
    """The SQL, in order; each of those on tables that the application uses runs alone, with many short tries."""
    yield from shared_statements(step)
    yield from own_statements(step)
    yield from sequences_back.set_back(step.fold.schema[step.fold.lens.target.name], step.recorded)


def shared_statements(step: Abandon) -> Iterator[Statement]:
    """What locks sources and target."""
    for source in step.fold.lens.sources:
        yield from capture.stop_capture(step.fold, source, source.name)
    yield from restore_columns(step.fold, step.leaving, step.not_null)


def own_statements(step: Abandon) -> Iterator[Statement]:
    """What touches only schema pgfold."""
    for source in step.fold.lens.sources:
        yield from capture.drop_capture_functions(step.fold, source)
    yield from keeping_tables.drop_working_tables(step.fold)
    if not step.folded_before:
        yield from drop_maps(step.fold)


def drop_maps(fold: Fold) -> Iterator[Statement]:
    """The row map and the kept values of a fold that never came to be."""
    for table in (*(source.name for source in fold.lens.sources), fold.lens.target.name):
        for kind in (Keeping.ROW_MAP, Keeping.KEPT):
            kept = names.keeping(kind, fold.name, table)
            yield Statement(f"drop {kept}", sql.SQL("DROP TABLE IF EXISTS {}").format(kept.identifier))


def apply(step: Abandon, session: Session) -> None:
    """Run it; a rerun finds what is left.

    Raises:
        LockNotAvailable: a table's lock was not had within lock_wait; a rerun goes on.
    """
    for statement in shared_statements(step):
        run_short(session, statement, step.fold.spec)
    with session.transaction():
        session.execute_all(own_statements(step))
    for statement in sequences_back.set_back(step.fold.schema[step.fold.lens.target.name], step.recorded):
        run_short(session, statement, step.fold.spec)
