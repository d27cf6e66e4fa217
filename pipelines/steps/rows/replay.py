"""A pass over the target: rows whose keys wait are read again, replaced where they changed, and proven.

It is the same before the lock and under it, but for rows that find no place or do not read back: while the sources are
written that may be put right by what is changed next, so their keys wait; under the lock it is an error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from pipelines.core.errors import DatabaseError, RowsDiffer, RuleViolated
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.statement import Statement
from pipelines.steps.rows import conflicts, fresh_rows, parents, planning, proof, row_map, sequences, target_rows
from pipelines.steps.rows.fresh_rows import Onto, Taken
from pipelines.steps.rows.restaging import restage
from pipelines.steps.session import Session

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass: how many keys it took, how many of them wait again, how long it took, and how many changed sides."""

    keys: int
    waiting: int
    seconds: float
    changed_sides: int = 0


def statements(fold: Fold, *, refold: bool) -> Iterator[Statement]:
    """The SQL of a pass under the lock, in order, as a plan shows it."""
    sources = fold.lens.sources
    if not sources:
        return
    yield fresh_rows.take_statement(fold, Onto.TARGET, refold=refold)
    for source in sources:
        yield from row_map.statements(fold, source)
        yield from fresh_rows.follow(fold, source, refold=refold)
        yield from parents.hold(fold, source, fresh=True)
    for source in sources:
        yield target_rows.take_out(fold, source)
        if conflicts.skipping(fold):
            yield from restage(fold, source, Onto.TARGET)
    for source in conflicts.skipping(fold):
        yield conflicts.flips_among(fold, source, conflicts.MARKED_LOCKED)
    for source in sources:
        yield target_rows.put_in(fold, source, locked=True)
        yield from sequences.pass_fresh(fold, source)
        for key in parents.keys_of(fold, source):
            yield parents.fresh_orphans(fold, source, key)
        yield proof.count_fresh(fold, source, refold=refold)


def replay(fold: Fold, session: Session, *, refold: bool, locked: bool) -> Pass:
    """Take the keys that wait, once, and let the target follow.

    Raises:
        RowsDiffer: a row does not read back, under the lock.
        RuleViolated: a row finds no place under the lock, or references what is not there.
        LockNotAvailable: a parent is being deleted.
    """
    started = session.now()
    taken = fresh_rows.take(fold, Onto.TARGET, session, refold=refold)
    before = tuple(_before(fold, taken, refold=refold))
    changed_sides = 0
    if conflicts.skipping(fold):
        # also where no source changed: a row of the target's own may have gone, and left its place to another
        session.together(before)
        changed_sides = conflicts.decide_again(fold, session, locked=locked)
        before = ()
    waiting = _write(fold, taken, before, session, refold=refold, locked=locked) if taken else 0
    seconds = (session.now() - started).total_seconds()
    return Pass(sum(each.keys for each in taken), waiting, seconds, changed_sides)


def _before(fold: Fold, taken: Sequence[Taken], *, refold: bool) -> Iterator[Statement]:
    """Every row has its key before any reference is followed, and every old row leaves before a new one comes."""
    for each in taken:
        yield from row_map.follow(fold, each)
    for each in taken:
        yield from fresh_rows.follow(fold, each.source, refold=refold)
    for each in taken:
        if _comes(each):
            yield from parents.hold(fold, each.source, fresh=True)
    for each in taken:
        if each.leaving or fresh_rows.is_late(each.source):
            yield target_rows.take_out(fold, each.source)
    if conflicts.skipping(fold):
        for each in taken:
            yield from restage(fold, each.source, Onto.TARGET)


def _comes(each: Taken) -> bool:
    return each.coming > 0 or fresh_rows.is_late(each.source)


def _write(
    fold: Fold,
    taken: Sequence[Taken],
    before: Sequence[Statement],
    session: Session,
    *,
    refold: bool,
    locked: bool,
) -> int:
    """Put rows in and prove them; how many wait again."""
    looks = [tuple(_looks(fold, each.source, refold=refold, locked=locked)) for each in taken]
    coming = [target_rows.put_in(fold, each.source, locked=locked) for each in taken if _comes(each)]
    with placed():
        cursors = session.together(
            (*before, *planning.freely(), *coming, *planning.by_index(), *itertools.chain.from_iterable(looks))
        )
    looked = iter(cursors[len(cursors) - sum(map(len, looks)) :])
    left_out = cursors[len(before) + 2 : len(before) + 2 + len(coming)]
    waiting = 0 if locked else sum(cursor.rowcount for cursor in left_out)
    for each in taken:
        waiting += _judge(fold, each.source, session, looked, refold=refold, locked=locked)
    return waiting


def _looks(fold: Fold, source: SourceLens, *, refold: bool, locked: bool) -> Iterator[Statement]:
    """What is looked at once the rows are in: orphans, a look a key, and the proof; sequences before."""
    yield from sequences.pass_fresh(fold, source)
    for key in parents.keys_of(fold, source):
        yield parents.fresh_orphans(fold, source, key)
    yield (proof.count_fresh if locked else proof.note_fresh)(fold, source, refold=refold)


def _judge(
    fold: Fold,
    source: SourceLens,
    session: Session,
    looked: Iterator[psycopg.Cursor[tuple[Any, ...]]],
    *,
    refold: bool,
    locked: bool,
) -> int:
    """Rows that do not read back yet; none under the lock."""
    for _ in sequences.pass_fresh(fold, source):
        next(looked)
    for key in parents.keys_of(fold, source):
        parents.refuse(fold, source, key, next(looked).fetchall())
    found = next(looked)
    if not locked:
        return found.rowcount
    ((rows, alone, differing),) = found.fetchall()
    if alone or differing:
        query = proof.differences(fold, source, proof.fresh_pairs(fold, source, refold=refold), refold=refold)
        raise RowsDiffer(describe(fold, source, session, rows, alone + differing, query))
    return 0


@contextmanager
def placed() -> Iterator[None]:
    """Rows are written that must all find their place.

    Raises:
        RuleViolated: one does not; the message names the rule and the value.
    """
    try:
        yield
    except DatabaseError as error:
        if not isinstance(error.__cause__, psycopg.errors.IntegrityError):
            raise
        taken = isinstance(error.__cause__, psycopg.errors.UniqueViolation | psycopg.errors.ExclusionViolation)
        remedy = "change one of the two rows, or on_conflict: skip" if taken else "correct the row, or its mapping"
        raise RuleViolated(f"{error}; nothing was changed: {remedy}") from error


def describe(fold: Fold, source: SourceLens, session: Session, looked: int, wrong: int, query: Statement) -> str:
    """What does not read back, with the first value that differs."""
    rows = session.rows(query) if source.proven else []
    first = ""
    if rows:
        key, column, was, became = rows[0]
        first = f"; first: key {', '.join(key)}, column {column}: {was} became {became}"
    return (
        f"{wrong} of {looked} rows of {source.name} do not read back from {fold.lens.target.name}{first};"
        " nothing was changed: correct the rule of that column, or mark it lossy"
    )
