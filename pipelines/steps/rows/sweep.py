"""The net for what change capture missed: rows written by a session that kept triggers from firing, and the like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.checks import Check
from pipelines.core.equality import rows_differ
from pipelines.core.expression import trusted
from pipelines.core.fold import Fold
from pipelines.core.lens import Making, SourceLens
from pipelines.core.names import Keeping
from pipelines.core.relations import identifiers, key_names
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows import mapping, proof
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps.rows", "sweep.sql")
SHOWN = 20


def note_escaped(fold: Fold, source: SourceLens, since_xid: int, *, refold: bool) -> Iterator[Statement]:
    """Let the keys wait of rows that are not as they were staged, were never mapped, or are gone; captured or not.

    A lossy column that changed without changing what the row became needs no replay: the archive has it.
    """
    key_in_map = relations.source_key_in_map(source)
    shared = {
        "changed": mapping.changed(fold, source),
        "map": names.keeping(Keeping.ROW_MAP, fold.name, source.name).identifier,
        "source": source.name.identifier,
        "source_key": identifiers(key_names(source), "s"),
        "map_key": identifiers(key_in_map, "m"),
        "same": relations.same_key("s", key_names(source), "m", key_in_map),
    }
    yield Statement(
        f"sweep {source.name} for rows written since mapping began",
        sql.SQL(_SQL["sweep_written"]).format(
            joins=mapping.value_joins(fold, source, refold=refold),
            staged=mapping.staged(fold, source),
            same_staged=relations.same_key("s", key_names(source), "g", relations.staging_keys(fold.lens, source)),
            differ=_differ(fold, source, refold=refold),
            unchanged=mapping.unchanged(fold, source),
            since=sql.Literal(str(since_xid)),
            **shared,
        ),
    )
    yield Statement(
        f"sweep {source.name} for rows that were never mapped", sql.SQL(_SQL["sweep_unmapped"]).format(**shared)
    )
    yield Statement(
        f"sweep the row map of {source.name} for rows deleted unseen", sql.SQL(_SQL["sweep_deleted"]).format(**shared)
    )


def _differ(fold: Fold, source: SourceLens, *, refold: bool) -> sql.Composed:
    """True where a source row `s` would be staged otherwise than it is, `g`; drawn defaults stay as first drawn."""
    made = [p for p in source.placements if p.making is not Making.DEFAULT]
    if not made:
        return sql.Composed([sql.SQL("false")])
    values = [
        sql.SQL("({})::{}").format(mapping.value_of(fold, p, refold=refold), trusted(p.column.type.sql)) for p in made
    ]
    return rows_differ(values, [sql.Identifier("g", p.column.name) for p in made])


def look_again(fold: Fold, session: Session, xid: str, *, refold: bool) -> tuple[Check, ...]:
    """After the commit, over the frozen archive: no write may have escaped between the sweep and the lock.

    `xid` is the cut-over's transaction. What a refold kept is let go by now, so of its rows only the homes are seen.
    """
    return tuple(_look_at(fold, source, session, xid, refold=refold) for source in fold.lens.sources)


def _look_at(fold: Fold, source: SourceLens, session: Session, xid: str, *, refold: bool) -> Check:
    started = session.now()
    over, homeless, differing = session.one(_swept(fold, source, xid, refold=refold))
    left = session.rows(_unswept(fold, source, xid))
    found = [*(homeless or ()), *(differing or ()), *(row[0] for row in left)]
    sentence = (
        f"No write to {source.name} escaped the change capture"
        if not found
        else f"Writes to {source.name} escaped the change capture: pgfold rollback {fold.name}, then run it again"
    )
    took_s = (session.now() - started).total_seconds()
    return Check(f"swept_{source.number}", sentence, not found, over, len(found), took_s, False, tuple(found[:SHOWN]))


def _swept(fold: Fold, source: SourceLens, xid: str, *, refold: bool) -> Statement:
    return Statement(
        f"sweep the archived {source.name} for writes that escaped",
        sql.SQL(_SQL["swept"]).format(
            key=_key_text("s", key_names(source)),
            xid=sql.Literal(xid),
            differ=sql.SQL("false") if refold else proof.differ(source, refold=False),
            pairs=proof.target_pairs(fold, source, refold=False, at=fold.archived(source.name)),
            limit=sql.Literal(SHOWN),
        ),
    )


def _unswept(fold: Fold, source: SourceLens, xid: str) -> Statement:
    lens, key_in_map = fold.lens, relations.source_key_in_map(source)
    return Statement(
        f"sweep the row map of {source.name} for deletions that escaped",
        sql.SQL(_SQL["unswept"]).format(
            key=_key_text("m", key_in_map),
            map=mapping.row_map(fold, source),
            target=lens.target.name.identifier,
            home=relations.same_key("m", relations.target_key_in_map(lens), "t", relations.target_key(lens)),
            xid=sql.Literal(xid),
            archived=fold.archived(source.name).identifier,
            same=relations.same_key("s", key_names(source), "m", key_in_map),
            limit=sql.Literal(SHOWN),
        ),
    )


def _key_text(alias: str, columns: Sequence[str]) -> sql.Composed:
    keys = [sql.SQL("{}::pg_catalog.text").format(sql.Identifier(alias, name)) for name in columns]
    return sql.SQL("pg_catalog.concat_ws(', ', {})").format(relations.joined(keys))
