"""catch-up: what was written to the sources since it was staged is staged again, until little is left."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.statement import Statement
from pipelines.steps import mapping
from pipelines.steps.mapping import Keys
from pipelines.steps.session import Session

CHUNK_KEYS = 1_000
FEW_KEYS = 200
PASSES = 20


def catch_up(fold: Fold, session: Session, *, refold: bool) -> int:
    """Pass over the changed keys until a pass has few, or 20 passes are done; the keys replayed."""
    replayed = 0
    for _ in range(PASSES):
        taken = sum(replay(fold, source, session, refold=refold) for source in fold.lens.sources)
        replayed += taken
        if taken <= FEW_KEYS:
            break
    return replayed


def replay(fold: Fold, source: SourceLens, session: Session, *, refold: bool) -> int:
    """One pass over one source: each thousand keys in a transaction of its own."""
    replayed = 0
    while True:
        with session.transaction():
            keys = take(fold, source, session)
            if keys is not None:
                session.execute_all(replay_statements(fold, source, keys, refold=refold))
        if keys is None:
            return replayed
        replayed += len(keys.keys)
        if len(keys.keys) < CHUNK_KEYS // 2:
            return replayed


def take(fold: Fold, source: SourceLens, session: Session) -> Keys | None:
    """Consume up to a thousand changed keys, each once; None when there are none."""
    rows = session.rows(mapping.take_changed(fold, source, CHUNK_KEYS))
    keys = tuple(dict.fromkeys(tuple(str(value) for value in row) for row in rows))
    return Keys(keys) if keys else None


def replay_statements(fold: Fold, source: SourceLens, keys: Keys, *, refold: bool) -> Iterator[Statement]:
    """Fold the rows of these keys again."""
    yield from mapping.forget_missing(fold, source, keys)
    yield mapping.map_rows(fold, source, keys, fresh=False)
    yield mapping.stage_rows(fold, source, keys, refold=refold)
