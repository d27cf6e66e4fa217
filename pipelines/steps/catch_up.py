"""catch-up: what was written to the sources since it was staged is staged again, until little is left."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.statement import Statement
from pipelines.steps import mapping
from pipelines.steps.mapping import Keys
from pipelines.steps.session import Session

TAKEN_KEYS = 100_000  # at once: each look at the queue passes over what earlier ones left dead in it
CHUNK_KEYS = 2_000
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
    """One pass over one source, in a transaction of its own."""
    with session.transaction():
        chunks = take(fold, source, session)
        for keys in chunks:
            session.execute_all(replay_statements(fold, source, keys, refold=refold))
    return sum(len(keys.keys) for keys in chunks)


def take(fold: Fold, source: SourceLens, session: Session) -> tuple[Keys, ...]:
    """Consume the keys that wait, each once, in chunks that a statement takes as an array."""
    rows = session.rows(mapping.take_changed(fold, source, TAKEN_KEYS))
    keys = list(dict.fromkeys(tuple(str(value) for value in row) for row in rows))
    return tuple(Keys(tuple(keys[n : n + CHUNK_KEYS])) for n in range(0, len(keys), CHUNK_KEYS))


def replay_statements(fold: Fold, source: SourceLens, keys: Keys, *, refold: bool) -> Iterator[Statement]:
    """Fold the rows of these keys again."""
    yield from mapping.forget_missing(fold, source, keys)
    yield mapping.map_rows(fold, source, keys, fresh=False, refold=refold)
    yield mapping.stage_rows(fold, source, keys, refold=refold)
