"""on_conflict: skip: rows that would stay behind although a child references them.

The target's own rows come first, then the sources in the spec's order, then rows in key order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.findings import Severity
from pipelines.core.fold import Fold, Repoint, referenced_columns
from pipelines.core.lens import SourceLens
from pipelines.core.relations import Relation, identifiers, joined, key_names, live_rows, mapped_rows, proof_rows
from pipelines.core.rule_check import RuleCheck, Sentence, violations_query
from pipelines.core.spec import OnConflict
from pipelines.core.target_keys import equal_columns
from pipelines.core.unique_rules import Key, conflicting, keyed, unique_keys


@dataclass(frozen=True, slots=True)
class Parents:
    """A source's rows as target rows, with its own `key` and the columns that a child `references` beside them."""

    rows: Relation
    key: tuple[str, ...]
    references: tuple[str, ...]

    @property
    def columns(self) -> list[sql.Composable]:
        """Those beside them."""
        return [sql.Identifier(name) for name in (*self.key, *self.references)]


def skipped_parents(fold: Fold) -> Iterator[RuleCheck]:
    """For each source that skips, each child of it and each unique key of the target."""
    for source in fold.lens.sources:
        if source.spec.on_conflict is not OnConflict.SKIP:
            continue
        for repoint in fold.repoints:
            if repoint.source == source.name:
                parents = _parents(fold, source, repoint)
                for key in unique_keys(fold.lens.target):
                    if key.reads <= parents.rows.known:
                        yield from _skipped(fold, source, repoint, parents, key)


def _parents(fold: Fold, source: SourceLens, repoint: Repoint) -> Parents:
    columns = (*key_names(source), *referenced_columns(fold.lens, repoint))
    names = tuple(f"own {number}" for number in range(1, len(columns) + 1))
    values = (
        sql.SQL("s.{} AS {}").format(sql.Identifier(column), sql.Identifier(name))
        for column, name in zip(columns, names, strict=True)
    )
    query = sql.SQL("(SELECT {}, t.* FROM {})").format(joined(values), proof_rows(source))
    count = len(source.key)
    return Parents(Relation(query, mapped_rows(source).known), names[:count], names[count:])


def _skipped(fold: Fold, source: SourceLens, repoint: Repoint, parents: Parents, key: Key) -> Iterator[RuleCheck]:
    own = keyed(fold.lens, key, parents.rows, parents.columns)
    earlier = [keyed(fold.lens, key, other) for other in _earlier(fold, source) if key.reads <= other.known]
    smaller = sql.SQL("({}) < ({})").format(identifiers(parents.key, "t"), identifiers(parents.key, "m"))
    for other, also in (*((e, sql.SQL("true")) for e in earlier), (own, smaller)):
        found = sql.SQL(
            "FROM {} m WHERE EXISTS (SELECT FROM {} t WHERE {} AND {}) AND EXISTS (SELECT FROM {} c WHERE {})"
        ).format(
            own,
            other,
            conflicting(fold.lens, key, "t", "m"),
            also,
            repoint.child.identifier,
            _is_child(fold, source, repoint, parents),
        )
        yield RuleCheck(
            Severity.ERROR,
            "skipped_parent",
            str(source.name),
            Sentence("row", f"of {source.name}", ("stays", "stay"), f"behind, and {repoint.child} references them"),
            f"let it reference the row that has the same {key.words}, or change the value first",
            violations_query([sql.Identifier("m", name) for name in parents.key], found),
            key_names(source),
            source.spec.line,
        )


def _earlier(fold: Fold, source: SourceLens) -> Iterator[Relation]:
    yield live_rows(fold.lens, {added.name for added in fold.added})
    for other in fold.lens.sources:
        if other.number < source.number:
            yield mapped_rows(other)


def _is_child(fold: Fold, source: SourceLens, repoint: Repoint, parents: Parents) -> sql.Composed:
    child = fold.schema[repoint.child]
    referenced = referenced_columns(fold.lens, repoint)
    held = zip(repoint.columns, referenced, parents.references, strict=True)
    return joined(
        (equal_columns(child[c.column.name], "c", source.table[name], "m", right_name=own) for c, name, own in held),
        " AND ",
    )
