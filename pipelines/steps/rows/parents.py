"""Parents: the target's foreign keys, which nobody checks for a session in the replica role.

What a foreign key would do is done by statement: rows that are referenced are kept from being deleted until the
commit, and rows that reference nothing are looked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import relations
from pipelines.core.errors import RuleViolated
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens, Treatment
from pipelines.core.schema import Constraint
from pipelines.core.spec import KeyMode, OnConflict
from pipelines.core.statement import Statement
from pipelines.core.target_keys import TargetKey, of_parent, target_foreign_keys, without_parent
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows import fresh_rows, mapping

_SQL = load_sql("pipelines.steps.rows", "parents.sql")
SHOWN = 5


def keys_of(fold: Fold, source: SourceLens) -> tuple[TargetKey, ...]:
    """The target's keys that rows of this source may break.

    Not where the source has the same key itself: it holds there until the lock, and the rows are as they are there.
    Nor those that come with the sources: they are made, and validated, by statements.
    """
    return tuple(key for key in target_foreign_keys(fold) if not key.made and not _holds_in_source(fold, source, key))


def _holds_in_source(fold: Fold, source: SourceLens, key: TargetKey) -> bool:
    return any(
        own.validated
        and own.enforced
        and own.match_full >= key.match_full
        and _carried(source, own.columns) == key.columns
        and _same_parent(fold, own, key)
        for own in source.table.foreign_keys
    )


def _same_parent(fold: Fold, own: Constraint, key: TargetKey) -> bool:
    if own.references == key.references:
        return own.references_columns == key.references_columns
    to = next((s for s in fold.lens.sources if s.name == own.references), None)
    if to is None or key.references != fold.lens.target.name or to.spec.on_conflict is OnConflict.SKIP:
        return False
    if to.spec.key is KeyMode.NEW and own.references_columns == relations.key_names(to):
        return key.references_columns == relations.target_key(fold.lens)
    return _carried(to, own.references_columns) == key.references_columns


def _carried(source: SourceLens, columns: tuple[str, ...]) -> tuple[str | None, ...]:
    """The target's columns that hold these values as they are, or followed to where their row went."""
    kept = (Treatment.SAME, Treatment.REFERENCE)
    rules = (source.rule(name) for name in columns)
    return tuple(r.place.column if r.place and not r.place.path and r.treatment in kept else None for r in rules)


def refuse(fold: Fold, source: SourceLens, key: TargetKey, found: list[tuple[list[str], ...]]) -> None:
    """Stop where rows were found without parent.

    Raises:
        RuleViolated: with their values.
    """
    if found:
        values = "; ".join(", ".join(row[0]) for row in found[:SHOWN])
        raise RuleViolated(
            f"rows of {source.name} reference rows that {key.references} does not have: {values}: foreign key"
            f" {key.name} of {fold.lens.target.name} would not hold; nothing was changed: add those rows, or correct"
            " the references"
        )


def hold(fold: Fold, source: SourceLens, *, fresh: bool) -> Iterator[Statement]:
    """Keep the parents of staged rows, or of the fresh rows of a pass, until the commit; nobody is waited for."""
    for key in keys_of(fold, source):
        own = key.references == fold.lens.target.name
        yield Statement(
            f"hold the rows of {key.references} that rows of {source.name} reference",
            sql.SQL(_SQL["hold_fresh" if fresh else "hold_staged"]).format(
                parent=key.references.identifier,
                foreign=sql.SQL("NOT {}").format(fresh_rows.written_by_us("p")) if own else sql.SQL("true"),
                staged=mapping.staged(fold, source),
                fresh=fresh_rows.table(source),
                there=fresh_rows.book(fold, "there"),
                differs=fresh_rows.book(fold, "differs"),
                same=of_parent(fold, key),
            ),
        )


def orphans(fold: Fold, source: SourceLens, key: TargetKey) -> Statement:
    """Up to twenty rows of the target, come from this source, whose parent is not there: values of the key."""
    return Statement(
        f"look for rows of {source.name} without parent in {key.references}",
        sql.SQL(_SQL["orphans"]).format(
            values=_values(key),
            target=fold.lens.target.name.identifier,
            map=mapping.row_map(fold, source),
            mapped=relations.same_key(
                "r", relations.target_key_in_map(fold.lens), "m", relations.target_key(fold.lens)
            ),
            missing=_missing(fold, key),
            unchanged=mapping.unchanged(fold, source, "r", relations.source_key_in_map(source)),
        ),
    )


def fresh_orphans(fold: Fold, source: SourceLens, key: TargetKey) -> Statement:
    """The same for the rows of a pass; a row that changed again meanwhile is looked at by the next."""
    return Statement(
        f"look for changed rows of {source.name} without parent in {key.references}",
        sql.SQL(_SQL["fresh_orphans"]).format(
            values=_values(key),
            fresh=fresh_rows.table(source),
            there=fresh_rows.book(fold, "there"),
            differs=fresh_rows.book(fold, "differs"),
            missing=_missing(fold, key),
            unchanged=mapping.unchanged(fold, source, "m", relations.staging_keys(fold.lens, source)),
        ),
    )


def _values(key: TargetKey) -> sql.Composed:
    return relations.output_array([sql.Identifier("m", name) for name in key.columns])


def _missing(fold: Fold, key: TargetKey) -> sql.Composed:
    return without_parent(fold, key, (key.references.identifier,))
