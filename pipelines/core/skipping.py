"""on_conflict: skip: rows that would stay behind although a child, or a row of a source, references them.

The target's own rows come first, then the sources in the spec's order, then rows in key order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.findings import Severity
from pipelines.core.fold import Fold, referenced_columns
from pipelines.core.lens import SourceLens
from pipelines.core.references import references_to_sources
from pipelines.core.relations import Relation, identifiers, joined, key_names, live_rows, mapped_rows, proof_rows
from pipelines.core.rule_check import RuleCheck, Sentence, violations_query
from pipelines.core.schema import TableName
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


@dataclass(frozen=True, slots=True)
class Held:
    """Columns of `child` that hold values of a source's columns; `inside`: the child is a source of the fold itself."""

    child: TableName
    pairs: tuple[tuple[str, str], ...]  # the child's column, the source's
    inside: bool = False
    spec_line: int | None = None


def held_references(fold: Fold, source: SourceLens) -> Iterator[Held]:
    """Who references rows of the source: children that are repointed, and sources whose rows follow them."""
    for repoint in fold.repoints:
        if repoint.source == source.name:
            own = (column.column.name for column in repoint.columns)
            yield Held(repoint.child, tuple(zip(own, referenced_columns(fold.lens, repoint), strict=True)))
    by_name = {other.name: other for other in fold.lens.sources}
    for reference in references_to_sources(fold.spec, fold.schema):
        child = by_name.get(reference.table)
        if reference.to == source.name and child is not None:
            rules = [child.rule(name) for name in reference.columns]
            if any(rule.reads_row_map for rule in rules):
                pairs = tuple(zip(reference.columns, reference.to_columns, strict=True))
                yield Held(child.name, pairs, inside=True, spec_line=rules[0].line or child.spec.line)


def skipped_parents(fold: Fold) -> Iterator[RuleCheck]:
    """For each source that skips, whoever references it and each unique key of the target."""
    for source in fold.lens.sources:
        if source.spec.on_conflict is not OnConflict.SKIP:
            continue
        for held in held_references(fold, source):
            parents = _parents(source, held)
            for key in unique_keys(fold.lens.target):
                if key.reads <= parents.rows.known:
                    yield from _skipped(fold, source, held, parents, key)


def _parents(source: SourceLens, held: Held) -> Parents:
    columns = (*key_names(source), *(name for _, name in held.pairs))
    names = tuple(f"own {number}" for number in range(1, len(columns) + 1))
    values = (
        sql.SQL("s.{} AS {}").format(sql.Identifier(column), sql.Identifier(name))
        for column, name in zip(columns, names, strict=True)
    )
    query = sql.SQL("(SELECT {}, t.* FROM {})").format(joined(values), proof_rows(source))
    count = len(source.key)
    return Parents(Relation(query, mapped_rows(source).known), names[:count], names[count:])


def _skipped(fold: Fold, source: SourceLens, held: Held, parents: Parents, key: Key) -> Iterator[RuleCheck]:
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
            held.child.identifier,
            _is_child(fold, source, held, parents),
        )
        yield RuleCheck(
            Severity.ERROR,
            "skipped_parent",
            str(source.name),
            Sentence("row", f"of {source.name}", ("stays", "stay"), f"behind, and {held.child} references them"),
            _remedy(held, key),
            violations_query([sql.Identifier("m", name) for name in parents.key], found),
            key_names(source),
            held.spec_line or source.spec.line,
        )


def _remedy(held: Held, key: Key) -> str:
    """A source's row cannot reference a row of the target before it is folded itself."""
    if held.inside:
        columns = ", ".join(name for name, _ in held.pairs)
        return f"change the {key.words} of one of the two first, or let {columns} of {held.child} reference another row"
    return f"let it reference the row that has the same {key.words}, or change the value first"


def _earlier(fold: Fold, source: SourceLens) -> Iterator[Relation]:
    yield live_rows(fold.lens, {added.name for added in fold.added})
    for other in fold.lens.sources:
        if other.number < source.number:
            yield mapped_rows(other)


def _is_child(fold: Fold, source: SourceLens, held: Held, parents: Parents) -> sql.Composed:
    child = fold.schema[held.child]
    values = zip(held.pairs, parents.references, strict=True)
    return joined(
        (equal_columns(child[name], "c", source.table[to], "m", right_name=own) for (name, to), own in values),
        " AND ",
    )
