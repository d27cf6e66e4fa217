"""The net for what change capture missed: rows written by a session that kept triggers from firing, and the like."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.equality import rows_differ
from pipelines.core.expression import trusted
from pipelines.core.fold import Fold
from pipelines.core.lens import Making, SourceLens
from pipelines.core.names import Keeping
from pipelines.core.relations import identifiers, key_names
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps import mapping

_SQL = load_sql("pipelines.steps", "sweep.sql")


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
