"""cut_over: the sources leave, the target takes their place, in one transaction."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.checks import Check
from pipelines.core.errors import CaptureBroken, LockNotAvailable, RowsDiffer, RuleViolated
from pipelines.core.fold import ChildChange, Fold
from pipelines.core.lens import SourceLens
from pipelines.core.recorded import SequenceState
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.steps import (
    archive,
    capture,
    catch_up,
    children,
    conflicts,
    kept,
    proof,
    refolding,
    rows_aside,
    sequences,
    sweep,
    target_rows,
)
from pipelines.steps.ddl import limit_lock_wait
from pipelines.steps.mapping import Keys
from pipelines.steps.session import Session


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


def statements(step: CutOver) -> Iterator[Statement]:
    """The SQL, in order, as `plan` shows it and `apply` runs it; replays of changed keys come in between."""
    yield from before_the_lock(step)
    for source in step.fold.lens.sources:
        yield proof.count_target(step.fold, source, None, refold=step.refold)
        yield from sweep.note_escaped(step.fold, source, step.since_xid, refold=step.refold)
    yield from lock_statements(step, lock_orders(step.fold)[0])
    yield from under_the_lock(step)


def before_the_lock(step: CutOver) -> Iterator[Statement]:
    """Rows are written where nobody sees them yet."""
    yield from target_rows.hold_parents(step.fold)
    for source in step.fold.lens.sources:
        yield target_rows.insert(step.fold, source, None)
    yield target_rows.analyze(step.fold)


def under_the_lock(step: CutOver) -> Iterator[Statement]:
    """Names change hands; nothing here reads rows, but children whose values or type change."""
    fold = step.fold
    yield Statement("fire what is deferred", sql.SQL("SET CONSTRAINTS ALL IMMEDIATE"))
    yield from archive.make_schemas(fold)
    for source in fold.lens.sources:
        yield from capture.stop_capture(fold, source, source.name)
        yield from capture.drop_capture_functions(fold, source)
    yield from sequences.advance(fold)
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
            f"lock {table}", sql.SQL("LOCK TABLE {} IN {} MODE").format(table.identifier, sql.SQL(modes[table]))
        )


def lock_modes(fold: Fold) -> dict[TableName, str]:
    """The strongest lock that the statements under the lock take on each table."""
    modes: dict[TableName, str] = {}
    for key in fold.outbound:
        if key.constraint.references is not None:
            modes[key.constraint.references] = "ACCESS EXCLUSIVE"
    modes[fold.lens.target.name] = "SHARE ROW EXCLUSIVE" if not fold.rule_changes else "ACCESS EXCLUSIVE"
    if fold.lens.target.name in fold.children:
        modes[fold.lens.target.name] = "ACCESS EXCLUSIVE"
    for child in fold.children:
        modes[child] = "ACCESS EXCLUSIVE"
    for table in fold.lens.archived:
        modes[table.name] = "ACCESS EXCLUSIVE"
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


def apply(step: CutOver, session: Session, record: Callable[[Window], None]) -> Window:
    """Run it in one transaction; `record` writes to the ledger within it.

    Raises:
        LockNotAvailable: no lock within `lock_wait`; nothing has changed.
        RowsDiffer: a row does not read back from the target; nothing has changed.
        RuleViolated: a parent is missing; nothing has changed.
        CaptureBroken: a write to a source may have escaped; nothing has changed.
    """
    catch_up.catch_up(step.fold, session, refold=step.refold)
    with session.transaction():
        conflicts.decide(step.fold, session, inserted=False)
        session.execute_all(before_the_lock(step))
        checks = tuple(_prove(step, source, None, session) for source in step.fold.lens.sources)
        _refuse_orphans(step, session)
        swept = _sweep(step, session)
        replayed = _replay_until_few(step, session)
        files = _capture_files(step, session)
        return _lock_and_finish(step, session, files, checks, swept, replayed, record)


def finish(step: CutOver, session: Session) -> None:
    """After the commit: validate the new keys; nobody waits for it but DDL."""
    for statement in children.validate_keys(step.fold):
        session.execute(statement)


def _prove(step: CutOver, source: SourceLens, keys: Keys | None, session: Session) -> Check:
    started = session.now()
    looked, alone, differing = session.one(proof.count_target(step.fold, source, keys, refold=step.refold))
    if alone or differing:
        raise RowsDiffer(_describe(step, source, session, looked, alone + differing))
    sentence = f"Every row of {source.name} reads back equal from {step.fold.lens.target.name}"
    return Check(f"in_target_{source.number}", sentence, True, looked, 0, (session.now() - started).total_seconds())


def _describe(step: CutOver, source: SourceLens, session: Session, looked: int, wrong: int) -> str:
    pairs = proof.target_pairs(step.fold, source, refold=step.refold)
    rows = session.rows(proof.differences(step.fold, source, pairs, refold=step.refold)) if source.proven else []
    first = ""
    if rows:
        key, column, was, became = rows[0]
        first = f"; first: key {', '.join(key)}, column {column}: {was} became {became}"
    return f"{wrong} of {looked} rows of {source.name} do not read back from {step.fold.lens.target.name}{first}"


def _refuse_orphans(step: CutOver, session: Session) -> None:
    for source in step.fold.lens.sources:
        for key in target_rows.parent_keys(step.fold):
            found = session.rows(target_rows.orphans(step.fold, source, key))
            if found:
                values = "; ".join(", ".join(row[0]) for row in found[:5])
                raise RuleViolated(
                    f"rows of {source.name} reference rows that {key.references} does not have: {values}:"
                    f" foreign key {key.name} of {key.table} would not hold; nothing was changed"
                )


def _sweep(step: CutOver, session: Session) -> int:
    return sum(
        session.execute(statement)
        for source in step.fold.lens.sources
        for statement in sweep.note_escaped(step.fold, source, step.since_xid, refold=step.refold)
    )


def _replay_until_few(step: CutOver, session: Session) -> int:
    replayed = 0
    for _ in range(catch_up.PASSES):
        taken = _replay(step, session, locked=False)
        replayed += taken
        if taken <= catch_up.FEW_KEYS:
            break
    return replayed


def _replay(step: CutOver, session: Session, *, locked: bool) -> int:
    """Fold changed keys again, in staging and in the target, and prove those rows.

    Every old row leaves before a new one comes: unique values may have moved between rows, and between sources.
    """
    taken = [(source, keys) for source in step.fold.lens.sources for keys in catch_up.take(step.fold, source, session)]
    for source, keys in taken:
        session.execute(target_rows.take_out(step.fold, source, keys))
    for source, keys in taken:
        session.execute_all(catch_up.replay_statements(step.fold, source, keys, refold=step.refold))
    for _, keys in taken:
        conflicts.decide(step.fold, session, inserted=True, held=keys)
    for source, keys in taken:
        session.execute(target_rows.insert(step.fold, source, keys, locked=locked))
        if not locked:
            session.execute(target_rows.requeue(step.fold, source, keys))
    for source, keys in taken:
        _prove(step, source, keys, session)
    return sum(len(keys.keys) for _, keys in taken)


def _capture_files(step: CutOver, session: Session) -> tuple[int, ...]:
    return tuple(int(session.one(capture.capture_state(step.fold, s))[1]) for s in step.fold.lens.sources)


def _lock_and_finish(
    step: CutOver,
    session: Session,
    files: tuple[int, ...],
    checks: tuple[Check, ...],
    swept: int,
    replayed: int,
    record: Callable[[Window], None],
) -> Window:
    tried_since = session.now()
    for tries, order in enumerate(itertools.cycle(lock_orders(step.fold)), 1):
        try:
            with session.transaction():
                locked_at = session.now()
                session.execute(limit_lock_wait(step.fold.spec.lock_timeout_s))
                session.execute_all(lock_statements(step, order))
                last = _finish_under_lock(step, session, files)
                window = Window((session.now() - locked_at).total_seconds(), tries, replayed + last, swept, checks,
                                _sequences(step, session))  # fmt: skip
                record(window)
            return window
        except LockNotAvailable as error:
            waited_s = (session.now() - tried_since).total_seconds()
            if waited_s >= step.fold.spec.lock_wait_s:
                raise LockNotAvailable(
                    f"{error}: {tries} tries in {waited_s:.0f} s, nothing was changed:"
                    " end the long transaction that holds it, or run it again when traffic is low"
                ) from error
            session.wait(min(0.02 * tries, 0.5))
            _replay_until_few(step, session)
    raise AssertionError("unreachable")


def _finish_under_lock(step: CutOver, session: Session, files: tuple[int, ...]) -> int:
    replayed = _replay(step, session, locked=True)
    for source, file in zip(step.fold.lens.sources, files, strict=True):
        held, file_now = session.one(capture.capture_state(step.fold, source))
        if not held or file_now != file:
            reason = "its rows were rewritten" if held else f"trigger {capture.TRIGGER} was dropped or disabled"
            raise CaptureBroken(
                f"changes of {source.name} may have escaped: {reason}; nothing was changed, run it again"
            )
    _refuse_rows_where_none_are_expected(step, session)
    session.execute_all(under_the_lock(step))
    return replayed


def _refuse_rows_where_none_are_expected(step: CutOver, session: Session) -> None:
    for table in step.fold.lens.empty:
        query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(table.name.identifier)
        if session.one(Statement(f"see that {table.name} is empty", query))[0]:
            raise RuleViolated(
                f"{table.name} has rows, and the spec says expect_empty: map its columns, or empty it; nothing changed"
            )


def _sequences(step: CutOver, session: Session) -> tuple[SequenceState, ...]:
    states = []
    for sequence in step.fold.lens.target.sequences:
        query = sql.SQL("SELECT last_value, is_called FROM {}").format(sequence.name.identifier)
        last_value, is_called = session.one(Statement(f"note where {sequence.name} stands", query))
        states.append(SequenceState(sequence.name, last_value, is_called))
    return tuple(states)


def changes_children(fold: Fold) -> bool:
    """Whether rows of children are written under the lock."""
    return any(repoint.change is not ChildChange.NONE for repoint in fold.repoints)
