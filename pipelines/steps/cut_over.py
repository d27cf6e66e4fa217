"""cut_over: the sources leave, the target takes their place, in one transaction."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from psycopg import sql

from pipelines.core.checks import Check
from pipelines.core.errors import CaptureBroken, LockNotAvailable, RowsDiffer
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.recorded import SequenceState
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.database.lock_holders import LockMode
from pipelines.database.locks import LockWindow, Patience, limit_waits, lock_tables
from pipelines.steps import add_columns, archive, children
from pipelines.steps.back import rows_aside
from pipelines.steps.ddl import patience_of, run_short
from pipelines.steps.rows import (
    capture,
    catch_up,
    conflicts,
    firing,
    kept,
    last_looks,
    parents,
    planning,
    proof,
    refolding,
    replay,
    sequences,
    sweep,
    target_rows,
)
from pipelines.steps.rows.capture import Mark
from pipelines.steps.rows.firing import Firing
from pipelines.steps.rows.passes import Passes
from pipelines.steps.session import Session, explained


@dataclass(frozen=True, slots=True)
class CutOver:
    """What the cut-over does, decided beforehand; rows changed meanwhile are replayed when it runs."""

    fold: Fold
    refold: bool = False
    since_xid: int = 0  # from map_fields: no transaction before it was missed


@dataclass(frozen=True, slots=True)
class Window:
    """How long others waited: `seconds` from the first lock to the commit, in the try that succeeded."""

    seconds: float
    tries: int
    replayed: int
    swept: int
    checks: tuple[Check, ...]
    sequences_after: tuple[SequenceState, ...] = ()
    since: float = 0.0  # the clock's reading at the first lock
    xid: str = ""  # the transaction that wrote the rows, but for those of the last pass


def statements(step: CutOver) -> Iterator[Statement]:
    """The SQL, in order, as `plan` shows it and `apply` runs it; passes over changed keys come before the lock too."""
    yield from sweep_statements(step)
    yield from conflicts.statements(step.fold)
    yield from before_the_lock(step)
    for source in step.fold.lens.sources:
        yield proof.count_target(step.fold, source, refold=step.refold)
    yield from lock_statements(step, lock_orders(step.fold)[0])
    yield from replay.statements(step.fold, refold=step.refold)
    yield from under_the_lock(step)


def sweep_statements(step: CutOver) -> Iterator[Statement]:
    """What escaped the capture waits like what was captured."""
    for source in step.fold.lens.sources:
        yield from sweep.note_escaped(step.fold, source, step.since_xid, refold=step.refold)


def before_the_lock(step: CutOver) -> Iterator[Statement]:
    """Rows are written where nobody sees them yet, and all is made that needs no lock of others'."""
    for source in step.fold.lens.sources:
        yield from parents.hold(step.fold, source, fresh=False)
    for source in step.fold.lens.sources:
        yield target_rows.insert_staged(step.fold, source)
    yield from sequences.advance(step.fold, refold=step.refold)
    yield from archive.prepare(step.fold)
    yield from rows_aside.make_functions()


def under_the_lock(step: CutOver) -> Iterator[Statement]:
    """Names change hands; nothing here reads rows, but children whose values or type change."""
    fold = step.fold
    yield Statement("fire what is deferred", sql.SQL("SET CONSTRAINTS ALL IMMEDIATE"))
    for source in fold.lens.sources:
        yield from capture.stop_capture(fold, source, source.name)
        yield from capture.drop_capture_functions(fold, source)
    yield from children.drop_keys(fold)
    yield from children.follow(fold)
    if step.refold:
        yield from refolding.follow_kept(fold)
    yield from archive.archive(fold)
    yield from children.make_keys(fold)
    yield from children.comment_keys(fold)
    yield from kept.put_back_own(fold)
    yield from rows_aside.put_back(fold)
    yield from kept.let_go(fold)
    if fold.lens.sources:
        yield from archive.follow_keys(fold)


def lock_statements(step: CutOver, order: tuple[TableName, ...]) -> Iterator[Statement]:
    """One LOCK a table, so that the order is ours."""
    modes = lock_modes(step.fold)
    for table in order:
        yield Statement(
            f"lock {table}", sql.SQL("LOCK TABLE {} IN {} MODE").format(table.identifier, sql.SQL(modes[table].value))
        )


def lock_modes(fold: Fold) -> dict[TableName, LockMode]:
    """The strongest lock that the statements under the lock take on each table."""
    modes: dict[TableName, LockMode] = {}
    for key in fold.outbound:
        if key.constraint.references is not None:
            modes[key.constraint.references] = LockMode.ACCESS_EXCLUSIVE
    target = fold.lens.target.name
    plain = not fold.rule_changes and target not in fold.children
    modes[target] = LockMode.SHARE_ROW_EXCLUSIVE if plain else LockMode.ACCESS_EXCLUSIVE
    modes.update(dict.fromkeys(fold.children, LockMode.ACCESS_EXCLUSIVE))
    modes.update({table.name: LockMode.ACCESS_EXCLUSIVE for table in fold.lens.archived})
    return modes


def lock_orders(fold: Fold) -> tuple[tuple[TableName, ...], ...]:
    """The orders in which the cut-over tries its tables."""
    return orders(tuple(sorted(lock_modes(fold))))


def orders(tables: tuple[TableName, ...]) -> tuple[tuple[TableName, ...], ...]:
    """Orders to try in turn: an application's own order must be among them, so few tables get every one."""
    if len(tables) <= 5:
        return tuple(itertools.permutations(tables))
    turns = [tables[n:] + tables[:n] for n in range(len(tables))]
    return tuple(order for turn in turns for order in (turn, turn[::-1]))


def apply(
    step: CutOver,
    session: Session,
    record: Callable[[Window], None],
    announce: Callable[[], None] = lambda: None,
) -> Window:
    """Run it in one transaction, and from the start again where somebody is in its way.

    `announce` writes to the ledger within it before anybody has to wait, `record` what is known only under the lock.
    The window that is returned includes the commit.

    Raises:
        LockNotAvailable: no lock within `lock_wait`, or the sources are written faster than the fold can follow;
            nothing has changed.
        RowsDiffer: a row does not read back from the target; nothing has changed.
        RuleViolated: a parent is missing, or a value is taken; nothing has changed.
        CaptureBroken: a write to a source may have escaped; nothing has changed.
    """
    first_missed: float | None = None
    patience = patience_of(session, step.fold.spec)
    for number in itertools.count(1):
        capture.mend(step.fold, session)
        catch_up.catch_up(step.fold, session, refold=step.refold)
        try:
            return _cut_over(step, session, patience, announce, record)
        except LockNotAvailable:
            first_missed = first_missed or patience.clock()
            if patience.clock() - first_missed >= patience.lock_wait_s:
                raise
            session.wait(min(patience.lock_timeout_s * number, 1.0))
    raise AssertionError("unreachable")


def finish(step: CutOver, session: Session) -> None:
    """After the commit: validate what is new and measure the target; nobody waits for it but DDL.

    Raises:
        LockNotAvailable: a table's lock was not had within lock_wait; a rerun goes on.
    """
    tables = (step.fold.lens.target.name, *step.fold.children)
    for statement in validations(step.fold):
        run_short(session, statement, step.fold.spec, *tables)
    session.execute(target_rows.analyze(step.fold))


def validations(fold: Fold) -> Iterator[Statement]:
    """What held for new rows alone holds for all of them: the checks of added columns, and the new keys."""
    yield from add_columns.validate_checks(fold)
    yield from children.validate_keys(fold)


def _cut_over(
    step: CutOver,
    session: Session,
    patience: Patience,
    announce: Callable[[], None],
    record: Callable[[Window], None],
) -> Window:
    fold = step.fold
    with session.transaction():
        with explained("limit the wait for a lock"):
            limit_waits(session.connection, patience)
        awake = _silence((fold.lens.target.name,), session)
        marks = capture.marks(fold, session)
        swept = sum(session.execute(statement) for statement in sweep_statements(step))
        conflicts.decide(fold, session)
        with replay.placed():
            session.execute_all(before_the_lock(step))
        checks = tuple(_prove(step, source, session) for source in fold.lens.sources)
        _refuse_orphans(step, session)
        announce()
        passes = Passes(fold, step.refold, session, patience, tuple(lock_modes(fold)))
        passes.until_few()
        so_far = Window(0.0, 0, 0, swept, checks, xid=str(session.one(_own_xid())[0]))
        window = _lock_and_finish(step, session, passes, marks, awake, so_far, record)
    return replace(window, seconds=patience.clock() - window.since)


def _own_xid() -> Statement:
    query = "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.xid::pg_catalog.text"
    return Statement("note the transaction that writes the rows", sql.SQL(query).format())


def _silence(tables: tuple[TableName, ...], session: Session) -> tuple[Firing, ...]:
    """Triggers that would fire for the replica role too sleep until the end; that locks their table against writers."""
    found = firing.firing(session, tables) if tables else ()
    session.execute_all(firing.silence(found))
    return found


def _prove(step: CutOver, source: SourceLens, session: Session) -> Check:
    fold, started = step.fold, session.now()
    looked, alone, differing = session.one(proof.count_target(fold, source, refold=step.refold))
    if alone or differing:
        pairs = proof.target_pairs(fold, source, refold=step.refold)
        query = proof.differences(fold, source, pairs, refold=step.refold)
        raise RowsDiffer(replay.describe(fold, source, session, looked, alone + differing, query))
    sentence = f"Every row of {source.name} reads back equal from {fold.lens.target.name}"
    return Check(f"in_target_{source.number}", sentence, True, looked, 0, (session.now() - started).total_seconds())


def _refuse_orphans(step: CutOver, session: Session) -> None:
    for source in step.fold.lens.sources:
        for key in parents.keys_of(step.fold, source):
            parents.refuse(step.fold, source, key, session.rows(parents.orphans(step.fold, source, key)))


def _lock_and_finish(
    step: CutOver,
    session: Session,
    passes: Passes,
    marks: tuple[Mark, ...],
    awake: tuple[Firing, ...],
    so_far: Window,
    record: Callable[[Window], None],
) -> Window:
    windows: list[Window] = []

    def work(locked: LockWindow) -> None:
        last = passes.under_the_lock()
        last_looks.refuse(step.fold, session)
        _refuse_what_escaped(step, session, marks)
        silent = _silence(tuple(t for t in step.fold.children if t != step.fold.lens.target.name), session)
        session.together((*planning.freely(), *under_the_lock(step), *firing.wake((*awake, *silent))))
        seconds = session.now().timestamp() - locked.since
        window = replace(so_far, seconds=seconds, since=locked.since, tries=locked.tries,
                         replayed=passes.replayed + last, sequences_after=_sequences(step, session))  # fmt: skip
        record(window)
        windows.append(window)

    modes = lock_modes(step.fold)
    waiting = replace(passes.patience, wait=passes.between_tries)
    passes.refuse_waiters()
    with explained(f"lock the tables of {step.fold.name}"):
        lock_tables(session.connection, modes, lock_orders(step.fold), waiting, work)
    return windows[-1]


def _refuse_what_escaped(step: CutOver, session: Session, marks: tuple[Mark, ...]) -> None:
    for source, before, now in zip(step.fold.lens.sources, marks, capture.marks(step.fold, session), strict=True):
        if not now.held or now != before:
            reason = "its rows were rewritten" if now.file != before.file else "its trigger was disabled or dropped"
            raise CaptureBroken(
                f"changes of {source.name} may have escaped the capture: {reason} while the rows were on their way;"
                " nothing was changed, run it again"
            )


def _sequences(step: CutOver, session: Session) -> tuple[SequenceState, ...]:
    owned = step.fold.lens.target.sequences
    stand = sql.SQL("SELECT last_value, is_called FROM {}")
    found = session.together(
        Statement(f"note where {sequence.name} stands", stand.format(sequence.name.identifier)) for sequence in owned
    )
    return tuple(
        SequenceState(sequence.name, *cursor.fetchall()[0]) for sequence, cursor in zip(owned, found, strict=True)
    )
