"""restore: the way back after a cut-over, in one transaction. Rows are judged and go home under the locks.

Either everything is as it was, with the edits made since, or nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from pipelines.core.findings import errors
from pipelines.core.fold import Fold
from pipelines.core.reconciliation import RollbackBlocked, RollbackOptions, Verdict
from pipelines.core.recorded import Recorded
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.database.lock_holders import LockMode
from pipelines.database.locks import Patience, lock_tables
from pipelines.database.named_sql import load_sql
from pipelines.steps import archive
from pipelines.steps.back import (
    children_back,
    columns_back,
    home_writing,
    homeward,
    kept_writing,
    keys_back,
    look_ahead,
    reconcile,
    rows_aside,
    saved_edits,
    sequences_back,
    target_capture,
)
from pipelines.steps.back.hindrances import Hindrance
from pipelines.steps.back.homeward import Homeward
from pipelines.steps.back.lock_time import FEW_ROWS
from pipelines.steps.back.reconcile import Reconcile
from pipelines.steps.back.survey import Survey
from pipelines.steps.cut_over import orders
from pipelines.steps.ddl import run_short
from pipelines.steps.rows import capture, firing, keeping_tables, kept
from pipelines.steps.session import Session, explained

_SQL = load_sql("pipelines.steps.back", "restore.sql")


@dataclass(frozen=True, slots=True)
class Restore:
    """What goes home and how, decided beforehand; which rows differ is found under the lock.

    `folder` is the backup's, for what is set aside and for later edits that are dropped. More than `few_rows` are
    compared before the lock.
    """

    fold: Fold
    recorded: Recorded
    options: RollbackOptions
    survey: Survey
    folder: Path
    few_rows: int = FEW_ROWS

    @property
    def homes(self) -> tuple[Homeward, ...]:
        """The sources on their way home."""
        return homeward.homes(self.fold, to_backup=self.options.to_backup)

    @property
    def reconcile(self) -> Reconcile:
        """The same look that `--plan` takes."""
        found = self.survey
        return Reconcile(self.fold, self.options, self.homes, found.inbound, found.not_null, found.guarded)


@dataclass(frozen=True, slots=True)
class Restored:
    """How it went: `seconds` from the first lock of the try that succeeded to the commit."""

    verdict: Verdict
    seconds: float
    tries: int
    rows_aside: int
    saved: tuple[Path, ...] = ()


def statements(step: Restore) -> Iterator[Statement]:
    """The SQL, in order; what the look finds decides which rows it writes."""
    yield from prepare(step)
    for table, mode in lock_modes(step).items():
        yield Statement(
            f"lock {table}", sql.SQL("LOCK TABLE {} IN {} MODE").format(table.identifier, sql.SQL(mode.value))
        )
    for home in step.homes:
        yield from homeward.fill(home)
    yield from firing.silence(step.survey.firing)
    yield from rows_home(step)
    yield from values_kept(step, ahead=False)
    yield from let_target_go(step)
    yield from firing.wake(step.survey.firing)
    yield from tables_home(step)
    yield from after(step)


def prepare(step: Restore) -> Iterator[Statement]:
    """Temporary tables, before any lock."""
    yield from reconcile.prepare(step.reconcile)
    yield from children_back.create_rekeyed(step.fold)


def rows_home(step: Restore) -> Iterator[Statement]:
    """Under the lock: rows go home, the row map follows, and what the sources cannot say is kept."""
    fold, homes = step.fold, step.homes
    yield Statement("fire what is deferred", sql.SQL("SET CONSTRAINTS ALL IMMEDIATE"))
    for table in fold.lens.archived:
        yield archive.thaw(fold.archived(table.name))
    if not step.options.to_backup:
        for home in homes:
            yield from home_writing.write(home)
            yield from sequences_back.pass_edits(home)
    for repoint in fold.repoints:
        yield children_back.fill_rekeyed(fold, repoint, step.reconcile.by_name[repoint.source])
    if not step.options.to_backup:
        for home in homes:
            yield from home_writing.follow(home)


def values_kept(step: Restore, *, ahead: bool) -> Iterator[Statement]:
    """Under the lock: what the target says beyond the rows as they are at home now."""
    for home in step.homes if not step.options.to_backup else ():
        if ahead:
            yield look_ahead.keep_the_rest(home, step.survey.extra)
        else:
            yield from kept_writing.prepare(home)
            yield kept_writing.keep(home, step.survey.extra)


def let_target_go(step: Restore) -> Iterator[Statement]:
    """Under the lock: children go where their rows went, and the target lets the rows go."""
    yield from children_back.drop_keys(step.fold)
    yield from children_back.return_values(step.fold)
    for home in step.homes:
        yield home_writing.let_go(home)
        yield home_writing.settle(home)
    if not step.options.to_backup:
        yield from kept_writing.keep_own(step.fold, step.survey.leaving)


def tables_home(step: Restore) -> Iterator[Statement]:
    """Under the lock: columns, names and keys are as they were."""
    fold = step.fold
    yield from archive.stop_following_keys(fold)
    yield from columns_back.restore_columns(fold, step.survey.leaving, step.survey.not_null)
    for table in fold.lens.archived:
        yield archive.bring_back(fold, table.name)
    yield from keys_back.make_keys(fold)
    yield from drop_archives(fold)


def drop_archives(fold: Fold) -> Iterator[Statement]:
    """Archive schemas, unless somebody keeps something there."""
    for name in dict.fromkeys(fold.archived(table.name).schema for table in fold.lens.archived):
        yield Statement(
            f"drop the archive {name}, unless something else is in it",
            sql.SQL(_SQL["drop_archive"]).format(schema=sql.Identifier(name)),
        )


def after(step: Restore) -> Iterator[Statement]:
    """After the commit: keys are validated, and nothing of ours is left but the row map and what is kept."""
    yield from keys_back.validate_keys(step.fold)
    yield from keeping_tables.drop_working_tables(step.fold)
    yield from target_capture.forget(step.fold)
    for source in step.fold.lens.sources:
        yield from capture.drop_capture_functions(step.fold, source)


def lock_modes(step: Restore) -> dict[TableName, LockMode]:
    """The strongest lock that any statement takes on each table."""
    fold = step.fold
    modes: dict[TableName, LockMode] = {}
    for key in fold.outbound:
        if key.constraint.references is not None and key.constraint.references not in fold.spec.source_names:
            modes[key.constraint.references] = LockMode.SHARE_ROW_EXCLUSIVE
    if step.options.set_aside:
        modes.update({key.child: LockMode.SHARE_ROW_EXCLUSIVE for key in step.survey.inbound})
    modes.update(dict.fromkeys(fold.children, LockMode.ACCESS_EXCLUSIVE))
    modes.update({fold.archived(table.name): LockMode.ACCESS_EXCLUSIVE for table in fold.lens.archived})
    modes[fold.lens.target.name] = LockMode.ACCESS_EXCLUSIVE
    return modes


def apply(step: Restore, session: Session, record: Callable[[Restored], None]) -> Restored:
    """Run it in one transaction; `record` writes to the ledger within it.

    Raises:
        RollbackBlocked: something stands in the way; nothing has changed.
        LockNotAvailable: no lock within `lock_wait`; nothing has changed.
    """
    if errors(step.survey.findings):
        raise RollbackBlocked(step.fold.name, reconcile.reconcile(session, step.reconcile, step.survey.findings))
    with session.transaction():
        session.execute_all(prepare(step))
    try:
        return _look_ahead(step, session, record) if _is_large(step, session) else _all_at_once(step, session, record)
    finally:
        reconcile.tidy(session, step.reconcile)


def _all_at_once(step: Restore, session: Session, record: Callable[[Restored], None]) -> Restored:
    """Few rows: everything under the lock."""
    with session.transaction():
        restored = _under_the_lock(step, session, ahead=False)
        record(restored)
    return restored


def _look_ahead(step: Restore, session: Session, record: Callable[[Restored], None]) -> Restored:
    """Many rows: they are compared before the lock, while changes of the target are noted."""
    with session.transaction():
        session.execute_all([*target_capture.make(step.fold), *look_ahead.create(step.fold, step.homes)])
    with _noting_changes(step, session):
        # In a transaction of its own: its locks on what it read would keep a TRUNCATE waiting, and others behind it.
        with session.transaction():
            look_ahead.look(session, step.homes, step.survey.extra)
        with session.transaction():
            restored = _under_the_lock(step, session, ahead=True)
            session.execute_all(target_capture.stop(step.fold))
            record(restored)
    return restored


@contextmanager
def _noting_changes(step: Restore, session: Session) -> Iterator[None]:
    """Changes of the target are noted inside; after a success the triggers are gone already."""
    done = False
    try:
        for statement in target_capture.start(step.fold):
            run_short(session, statement, step.fold.spec)
        yield
        done = True
    finally:
        if not done:
            _stop_noting(step, session)


def _stop_noting(step: Restore, session: Session) -> None:
    """Leave nothing behind after a refusal; where the connection is gone, the next rollback finds it."""
    if not session.connection.closed and not session.connection.broken:
        for statement in target_capture.stop(step.fold):
            run_short(session, statement, step.fold.spec)
        session.execute_all(target_capture.forget(step.fold))
        session.execute_all(kept.let_go(step.fold))


def _is_large(step: Restore, session: Session) -> bool:
    """Whether comparing the rows takes long enough that nobody should wait for it."""
    if step.options.to_backup:
        return False
    counts = [reconcile.count(session, home) for home in step.homes]
    return sum(count.mapped for count in counts) > step.few_rows


def _under_the_lock(step: Restore, session: Session, *, ahead: bool) -> Restored:
    spec = step.fold.spec
    patience = Patience(spec.lock_timeout_s, spec.lock_wait_s, lambda: session.now().timestamp(), session.wait)
    modes = lock_modes(step)
    with explained(f"lock the tables of {step.fold.name}"):
        window = lock_tables(session.connection, modes, orders(tuple(sorted(modes))), patience)
    verdict, looked = _judge(step, session, ahead=ahead)
    if not verdict.can_be_undone:
        raise RollbackBlocked(step.fold.name, verdict)
    aside = _set_aside(step, session, looked)
    saved = (
        *saved_edits.save_dropped(step.homes, step.survey.leaving, step.folder, session),
        *saved_edits.save_aside(step.homes, step.folder, session),
    )
    session.execute_all(firing.silence(step.survey.firing))
    session.execute_all(rows_home(step))
    session.execute_all(values_kept(step, ahead=ahead))
    session.execute_all(let_target_go(step))
    session.execute_all(firing.wake(step.survey.firing))
    session.execute_all(tables_home(step))
    return Restored(verdict, session.now().timestamp() - window.since, window.tries, aside, saved)


def _judge(step: Restore, session: Session, *, ahead: bool) -> tuple[Verdict, tuple[Hindrance, ...]]:
    if not ahead:
        return reconcile.look_closely(session, step.reconcile, step.survey.findings)
    look_ahead.catch_up(session, step.fold, step.homes)
    return reconcile.judge(session, step.reconcile, step.survey.findings)


def _set_aside(step: Restore, session: Session, looked: tuple[Hindrance, ...]) -> int:
    if not step.options.set_aside:
        return 0
    return rows_aside.set_aside(step.fold.name, session.run, looked, session)


def finish(step: Restore, session: Session) -> None:
    """After the commit; a rerun does again what was done, and goes on.

    Sequences come last and under a short lock: setval is not undone when a transaction fails.
    """
    for statement in after(step):
        session.execute(statement)
    if step.survey.shared:
        return  # the other fold has drawn too, and sets them back when it is undone
    for statement in sequences_back.set_back(step.fold.schema[step.fold.lens.target.name], step.recorded):
        run_short(session, statement, step.fold.spec)
