"""withdraw: the way back before a cut-over: nothing of the sources moved, so only our own things leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from psycopg import sql

from pipelines.core import names
from pipelines.core.fold import Fold
from pipelines.core.names import Keeping
from pipelines.core.reconciliation import RollbackBlocked, RollbackOptions, Verdict
from pipelines.core.recorded import Recorded
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.database.lock_holders import LockMode
from pipelines.database.locks import Patience, lock_tables
from pipelines.database.named_sql import load_sql
from pipelines.steps.back import columns_back, kept_writing, reconcile, rows_aside, sequences_back
from pipelines.steps.back.reconcile import Reconcile
from pipelines.steps.back.survey import Survey
from pipelines.steps.cut_over import orders
from pipelines.steps.ddl import run_short
from pipelines.steps.rows import capture, keeping_tables, kept
from pipelines.steps.session import Session, explained

_SQL = load_sql("pipelines.steps.back", "withdraw.sql")


@dataclass(frozen=True, slots=True)
class Withdraw:
    """What leaves. `remembered`: the fold was in force before, and its row map and kept values stay."""

    fold: Fold
    recorded: Recorded
    options: RollbackOptions
    survey: Survey
    remembered: bool

    @property
    def reconcile(self) -> Reconcile:
        """No row goes anywhere: only the target's own can stand in the way."""
        return Reconcile(self.fold, self.options, (), self.survey.inbound, self.survey.not_null)


def statements(step: Withdraw) -> Iterator[Statement]:
    """The SQL, in order."""
    yield from stop(step)
    yield from restore_target(step)
    yield from after(step)


def stop(step: Withdraw) -> Iterator[Statement]:
    """Changes of the sources are captured no more; each runs alone, with many short tries."""
    for source in step.fold.lens.sources:
        yield from capture.stop_capture(step.fold, source, source.name)


def restore_target(step: Withdraw) -> Iterator[Statement]:
    """Under a lock: the target as it was; what people wrote into added columns is kept for the next fold."""
    yield from kept_writing.keep_own(step.fold, step.survey.leaving, folded=False)
    yield from columns_back.restore_columns(step.fold, step.survey.leaving, step.survey.not_null)


def after(step: Withdraw) -> Iterator[Statement]:
    """After the commit: our own tables and functions leave; the row map stays only where rows were folded before."""
    fold = step.fold
    for source in fold.lens.sources:
        yield from capture.drop_capture_functions(fold, source)
    yield from keeping_tables.drop_working_tables(fold)
    if step.remembered:
        return
    for source in fold.lens.sources:
        for kind in (Keeping.ROW_MAP, Keeping.KEPT):
            table = names.keeping(kind, fold.name, source.name)
            yield Statement(f"drop {table}", sql.SQL("DROP TABLE IF EXISTS {}").format(table.identifier))
    own = kept.table(fold, fold.lens.target.name)
    yield Statement(
        f"drop {own}, unless something is kept in it",
        sql.SQL(_SQL["drop_if_empty"]).format(table=own.identifier, name=sql.Literal(capture.regclass(own))),
    )


def look(step: Withdraw, session: Session) -> Verdict:
    """Could it be undone now? Only temporary tables are written."""
    with session.transaction():
        session.execute_all(reconcile.prepare(step.reconcile))
    try:
        return reconcile.look_before(session, step.reconcile, step.survey.findings)[0]
    finally:
        reconcile.tidy(session, step.reconcile)


def apply(step: Withdraw, session: Session, record: Callable[[Verdict], None]) -> Verdict:
    """Run it; a rerun goes on. `record` writes to the ledger in the transaction that restores the target.

    Raises:
        RollbackBlocked: something stands in the way; the sources are captured still.
        LockNotAvailable: no lock within `lock_wait`; a rerun goes on.
    """
    with session.transaction():
        session.execute_all(reconcile.prepare(step.reconcile))
    try:
        with session.transaction():
            verdict = _under_the_lock(step, session)
            record(verdict)
    finally:
        reconcile.tidy(session, step.reconcile)
    return verdict


def _under_the_lock(step: Withdraw, session: Session) -> Verdict:
    spec = step.fold.spec
    if step.survey.leaving or step.survey.not_null:
        patience = Patience(spec.lock_timeout_s, spec.lock_wait_s, lambda: session.now().timestamp(), session.wait)
        modes = lock_modes(step)
        with explained(f"lock {', '.join(str(table) for table in modes)}"):
            lock_tables(session.connection, modes, orders(tuple(sorted(modes))), patience)
    verdict, looked = reconcile.look_before(session, step.reconcile, step.survey.findings)
    if not verdict.can_be_undone:
        raise RollbackBlocked(step.fold.name, verdict)
    if step.options.set_aside:
        rows_aside.set_aside(step.fold.name, session.run, looked, session)
    session.execute_all(restore_target(step))
    return verdict


def lock_modes(step: Withdraw) -> dict[TableName, LockMode]:
    """The target, and where rows are set aside the tables that reference it."""
    modes = {step.fold.lens.target.name: LockMode.ACCESS_EXCLUSIVE}
    if step.options.set_aside:
        modes = {key.child: LockMode.SHARE_ROW_EXCLUSIVE for key in step.survey.inbound} | modes
    return modes


def finish(step: Withdraw, session: Session) -> None:
    """After the commit; a rerun does again what was done, and goes on."""
    for statement in stop(step):
        run_short(session, statement, step.fold.spec)
    session.execute_all(after(step))
    if step.survey.shared:
        return  # the other fold has drawn too, and sets them back when it is undone
    for statement in sequences_back.set_back(step.fold.schema[step.fold.lens.target.name], step.recorded):
        run_short(session, statement, step.fold.spec)
