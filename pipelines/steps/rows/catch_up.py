"""catch-up: what was written to the sources since it was staged is staged again, until little is left."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.core.fold import Fold
from pipelines.core.statement import Statement
from pipelines.steps.map_fields import follows_keys
from pipelines.steps.rows import fresh_rows, row_map
from pipelines.steps.rows.fresh_rows import Onto, Taken
from pipelines.steps.rows.restaging import restage
from pipelines.steps.session import Progress, Session

TAKEN_KEYS = 200_000  # at once: a pass that is killed is lost
FEW_KEYS = 200
PASSES = 30
_SHRINKING = 0.9  # of the pass before; a pass that does not shrink gains nothing by being followed by another


def catch_up(fold: Fold, session: Session, *, refold: bool) -> int:
    """Pass over the changed keys for as long as that leaves fewer of them; the keys replayed."""
    session.execute_all(fresh_rows.create(fold))
    sizes: list[int] = []
    while len(sizes) < PASSES and not _is_settled(sizes):
        sizes.append(replay(fold, session, refold=refold))
        session.tell(Progress("catch_up", sum(sizes), None))
    return sum(sizes)


def _is_settled(sizes: list[int]) -> bool:
    """Few were left, or three passes in a row did not shrink: the writers are as fast as the passes."""
    if not sizes:
        return False
    growing = [after > before * _SHRINKING for before, after in zip(sizes[-4:], sizes[-3:], strict=False)]
    return sizes[-1] <= FEW_KEYS or (len(growing) == 3 and all(growing) and sizes[-1] < TAKEN_KEYS)


def replay(fold: Fold, session: Session, *, refold: bool) -> int:
    """One pass over all sources, in a transaction of its own."""
    # A row is followed to the one that it references only if both are taken together.
    limit = None if follows_keys(fold) else TAKEN_KEYS
    with session.transaction():
        taken = fresh_rows.take(fold, Onto.STAGING, session, refold=refold, limit=limit)
        session.together(_follow(fold, taken, refold=refold))
    return sum(each.keys for each in taken)


def _follow(fold: Fold, taken: tuple[Taken, ...], *, refold: bool) -> Iterator[Statement]:
    """Every row has its key before any reference is followed."""
    for each in taken:
        yield from row_map.follow(fold, each)
    for each in taken:
        yield from fresh_rows.follow(fold, each.source, refold=refold)
        yield from restage(fold, each.source, Onto.STAGING)
