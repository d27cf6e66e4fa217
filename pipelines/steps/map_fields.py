"""map_fields: source rows become staged target rows, in batches that a killed run need not repeat."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.names import Keeping
from pipelines.core.relations import joined
from pipelines.core.statement import Statement
from pipelines.database import ledger_batches as batches
from pipelines.database import ledger_steps
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows import keeping_tables, kept, mapping, refolding, sequences
from pipelines.steps.rows.mapping import Range
from pipelines.steps.session import Progress, Session

_SQL = load_sql("pipelines.steps", "batches.sql")

BEGUN = "map_fields_begin"  # the ledger's name for what `begin` did


@dataclass(frozen=True, slots=True)
class MapFields:
    """How rows are staged; `refold`: they were folded before, and what the target said then is said again."""

    fold: Fold
    refold: bool = False
    workers: int = 2


def statements(step: MapFields) -> Iterator[Statement]:
    """The SQL, in order; a batch's statements are shown once, over all keys."""
    yield from prepare(step)
    yield from keys_first(step)
    for source in step.fold.lens.sources:
        yield bounds(step.fold, source)
        yield from batch_statements(step, source, Range())


def prepare(step: MapFields) -> Iterator[Statement]:
    """Empty staging tables."""
    for source in step.fold.lens.sources:
        table = names.keeping(Keeping.STAGED, step.fold.name, source.name)
        yield Statement(
            f"clear the staging of {source.name}", sql.SQL("DROP TABLE IF EXISTS {}").format(table.identifier)
        )
        yield from keeping_tables.create_staging(step.fold, source)
        yield from kept.create_kept(step.fold, source)
    yield kept.create_own_kept(step.fold)


def keys_first(step: MapFields) -> Iterator[Statement]:
    """New keys come past the greatest there is; where rows refer to each other, all get theirs before any is mapped."""
    if step.refold:
        yield from refolding.release_taken(step.fold)
    yield from sequences.advance(step.fold, refold=step.refold)
    if follows_keys(step.fold):
        for source in step.fold.lens.sources:
            yield mapping.map_rows(step.fold, source, Range(), fresh=not step.refold, refold=step.refold)
            yield from keeping_tables.index_row_map(step.fold, source)


def follows_keys(fold: Fold) -> bool:
    """Whether some row's values depend on another row's new key."""
    return any(p.reads_row_map for source in fold.lens.sources for p in source.placements)


def batch_statements(step: MapFields, source: SourceLens, rows: Range) -> Iterator[Statement]:
    """One batch."""
    if not follows_keys(step.fold):
        yield mapping.map_rows(step.fold, source, rows, fresh=not step.refold, refold=step.refold)
    yield mapping.stage_rows(step.fold, source, rows, refold=step.refold)


def bounds(fold: Fold, source: SourceLens) -> Statement:
    """The last key of every batch."""
    key = [sql.Identifier("s", name) for name in relations.key_names(source)]
    names_of_key = names.key_columns("k", len(key))
    return Statement(
        f"divide {source.name} into batches",
        sql.SQL(_SQL["bounds"]).format(
            key_text=joined(sql.SQL("b.{}::pg_catalog.text").format(sql.Identifier(name)) for name in names_of_key),
            keys=joined(
                sql.SQL("{} AS {}").format(column, sql.Identifier(name))
                for column, name in zip(key, names_of_key, strict=True)
            ),
            key=joined(key),
            source=source.name.identifier,
            batch_rows=sql.Literal(fold.spec.batch_rows),
        ),
    )


@dataclass(frozen=True, slots=True)
class Begun:
    """`since_xid` is the oldest transaction that mapping may not see; `rows` are the sources' when it began."""

    since_xid: int
    rows: int


def begin(step: MapFields, session: Session) -> Begun:
    """Prepare staging and plan the batches, in one transaction."""
    with session.transaction():
        since_xid = int(session.one(current_xid())[0])
        session.execute_all(prepare(step))
        session.execute_all(keys_first(step))
        for source in step.fold.lens.sources:
            ends = [tuple(str(value) for value in row) for row in session.rows(bounds(step.fold, source))]
            batches.add_batches(session.connection, session.run, source.name, ends)
        begun = Begun(since_xid, sum(_count(source, session) for source in step.fold.lens.sources))
        facts = {"since_xid": begun.since_xid, "rows": begun.rows}
        ledger_steps.start_step(session.connection, session.run, BEGUN, session.now())
        ledger_steps.finish_step(session.connection, session.run, BEGUN, session.now(), facts)
    return begun


def _count(source: SourceLens, session: Session) -> int:
    query = sql.SQL("SELECT pg_catalog.count(*) FROM {}").format(source.name.identifier)
    return int(session.one(Statement(f"count the rows of {source.name}", query))[0])


def current_xid() -> Statement:
    """Every transaction that is not yet visible has this number or a later one; as a 32-bit number, like xmin."""
    query = "SELECT (pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::numeric % 4294967296)::bigint"
    return Statement("note where the sweep begins", sql.SQL(query).format())


def apply(step: MapFields, session: Session, rows_total: int | None = None) -> int:
    """Work through the batches that are left, two at a time; the rows staged now. `rows_total` is told with progress.

    Raises:
        ConnectionLost: a rerun goes on with the batches that are left.
    """
    stop = threading.Event()
    workers = step.workers if _is_worth_sharing(step, session) else 1
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="map") as pool:
        futures = [pool.submit(_work, step, session, rows_total, stop) for _ in range(workers)]
        try:
            return sum(future.result() for future in futures)
        finally:
            stop.set()


def _is_worth_sharing(step: MapFields, session: Session) -> bool:
    """Where a source has one batch, a second worker gains nothing; alone, values are drawn in the spec's order."""
    return any(total.batches > 1 for total in batches.batch_totals(session.connection, session.run))


def _work(step: MapFields, session: Session, rows_total: int | None, stop: threading.Event) -> int:
    rows = 0
    with closing(session.open_connection()) as connection:
        own = replace(session, connection=connection)
        while not stop.is_set():
            done = _next_batch(step, own)
            if done is None:
                break
            rows += done
            session.tell(Progress("map_fields", rows_staged(own), rows_total))
    return rows


def _next_batch(step: MapFields, session: Session) -> int | None:
    with session.transaction():
        batch = batches.take_batch(session.connection, session.run)
        if batch is None:
            return None
        source = step.fold.lens.source(batch.source)
        rows = 0
        for statement in batch_statements(step, source, Range(batch.from_key, batch.to_key)):
            rows = session.execute(statement)
        batches.finish_batch(session.connection, batch, rows, session.now())
    return rows


def rows_staged(session: Session) -> int:
    """The rows of all batches that are done."""
    return sum(total.rows for total in batches.batch_totals(session.connection, session.run))
