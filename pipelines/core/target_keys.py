"""Foreign keys of the target, those that come with the sources too, for the rows that come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.findings import Severity
from pipelines.core.fold import ChildChange, Fold
from pipelines.core.relations import Relation, joined
from pipelines.core.row_rules import line_of
from pipelines.core.rule_check import RuleCheck, Sentence, violations_query
from pipelines.core.schema import Column, Constraint, TableName
from pipelines.core.unique_rules import compares_plainly

_HAVE = ("has", "have")


@dataclass(frozen=True, slots=True)
class TargetKey:
    """A foreign key that the target has or gets; `made`: its own rows must keep it too, and nothing said so before."""

    name: str
    columns: tuple[str, ...]
    references: TableName
    references_columns: tuple[str, ...]
    match_full: bool = False
    made: bool = False


def foreign_key_rules(fold: Fold, rows: Mapping[int, Relation], target: Relation) -> Iterator[RuleCheck]:
    """Values without a parent, for each key and source; for a key that is made anew, of the target's own rows too."""
    for key in target_foreign_keys(fold):
        parents = _parents(fold, key, rows, target)
        for number, relation in rows.items():
            if relation.known.issuperset(key.columns):
                source = fold.lens.numbered(number)
                line = line_of(source, key.columns[0])
                yield _orphans(fold, key, relation, parents, str(source.name), line)
        if key.made and target.known.issuperset(key.columns):
            yield _orphans(fold, key, target, parents, str(fold.lens.target.name), fold.spec.target_line)


def target_foreign_keys(fold: Fold) -> Iterator[TargetKey]:
    """Those that the target has, as they will be after the fold, and those that the sources bring."""
    for constraint in fold.lens.target.foreign_keys:
        if constraint.enforced and not constraint.temporal:
            yield from _own_key(fold, constraint)
    for outbound in fold.outbound:
        if outbound.remade and outbound.references is not None:
            c = outbound.constraint
            yield TargetKey(
                c.name, outbound.remade, outbound.references, outbound.references_columns, c.match_full, made=True
            )


def _own_key(fold: Fold, constraint: Constraint) -> Iterator[TargetKey]:
    assert constraint.references is not None
    if constraint.references not in fold.spec.source_names:
        yield TargetKey(
            constraint.name,
            constraint.columns,
            constraint.references,
            constraint.references_columns,
            constraint.match_full,
        )
        return
    # A key of the target to a source is repointed to the target itself; where its values change, they change with it.
    for repoint in fold.repoints:
        if repoint.constraint == constraint and repoint.change is ChildChange.NONE:
            to = tuple(column.to for column in repoint.columns)
            yield TargetKey(constraint.name, constraint.columns, fold.lens.target.name, to, constraint.match_full)


def _parents(fold: Fold, key: TargetKey, rows: Mapping[int, Relation], target: Relation) -> tuple[sql.Composable, ...]:
    """Where a parent may be: the referenced table, or the target as it will be."""
    if key.references != fold.lens.target.name:
        return (key.references.identifier,)
    among = [r.query for r in rows.values() if r.known.issuperset(key.references_columns)]
    return (target.query, *among)


def _orphans(
    fold: Fold, key: TargetKey, rows: Relation, parents: tuple[sql.Composable, ...], whose: str, line: int | None
) -> RuleCheck:
    target = fold.lens.target.name
    listed = ", ".join(key.columns)
    return RuleCheck(
        Severity.ERROR,
        "foreign_key",
        f"{target}.{key.name}",
        Sentence("value", f"of {listed} of {whose}", _HAVE, f"no row in {key.references} (foreign key {key.name})"),
        "correct those rows first, or add what they reference",
        violations_query([sql.Identifier("m", name) for name in key.columns], _without(fold, key, rows, parents)),
        key.columns,
        line,
    )


def _without(fold: Fold, key: TargetKey, rows: Relation, parents: tuple[sql.Composable, ...]) -> sql.Composed:
    return sql.SQL("FROM {} m WHERE {}").format(rows.query, without_parent(fold, key, parents))


def without_parent(fold: Fold, key: TargetKey, parents: tuple[sql.Composable, ...]) -> sql.Composed:
    """True for a target row `m` that breaks the key: none of `parents` has what it references."""
    nulls = [sql.SQL("m.{} IS NULL").format(sql.Identifier(name)) for name in key.columns]
    alone = joined(
        (sql.SQL("NOT EXISTS (SELECT FROM {} p WHERE {})").format(p, of_parent(fold, key)) for p in parents), " AND "
    )
    missing = sql.SQL("(NOT ({}) AND {})").format(joined(nulls, " OR "), alone)
    if key.match_full and len(key.columns) > 1:
        some = sql.SQL("(({}) AND NOT ({}))").format(joined(nulls, " OR "), joined(nulls, " AND "))
        missing = sql.SQL("({} OR {})").format(missing, some)
    return missing


def of_parent(fold: Fold, key: TargetKey) -> sql.Composed:
    """True where a target row `m` references the row `p`."""
    pairs = zip(key.columns, key.references_columns, strict=True)
    target = fold.lens.target
    parent = target if key.references == target.name else fold.schema[key.references]
    return joined((equal_columns(target[a], "m", parent[b], "p") for a, b in pairs), " AND ")


def equal_columns(
    left: Column, left_alias: str, right: Column, right_alias: str, *, right_name: str | None = None
) -> sql.Composed:
    """`m.a = p.b` by the equality that a foreign key between these columns uses."""
    sides = (sql.Identifier(left_alias, left.name), sql.Identifier(right_alias, right_name or right.name))
    if left.type.oid == right.type.oid and not compares_plainly(left.type):
        # The default equality of a type whose operators are not in pg_catalog.
        return sql.SQL("ROW({})::pg_catalog.record = ROW({})::pg_catalog.record").format(*sides)
    return sql.SQL("{} = {}").format(*sides)
