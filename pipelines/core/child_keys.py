"""Children whose keys are repointed: what the target must offer, and what stands in the way of a new type."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.core.findings import Finding, error, warning
from pipelines.core.fold import ChildChange, ChildColumn, Fold, Repoint, RuleChange
from pipelines.core.schema import (
    Action,
    Constraint,
    ConstraintKind,
    Dependent,
    DependentKind,
    Index,
    Table,
    TableKind,
    TableName,
)


def child_findings(fold: Fold) -> Iterator[Finding]:
    """Everything about repointed keys that needs no rows to be read."""
    for repoint in fold.repoints:
        child = fold.schema[repoint.child]
        if repoint.constrained:
            yield from _usable_key(fold, repoint)
        yield from _actions(fold, repoint, child)
        if repoint.change is not ChildChange.NONE:
            yield from _moved_values(fold, repoint, child)
        if repoint.change is ChildChange.TYPE:
            for column in repoint.columns:
                if column.column.type.sql != column.type.sql:
                    yield from _type_change(fold, repoint, child, column)
    for change in fold.rule_changes:
        yield from _changed_actions(fold, change)
    yield from _twice(fold)
    yield from _without_key(fold)


def line_of(fold: Fold, table: TableName, columns: tuple[str, ...], source: TableName | None) -> int | None:
    """The line of the rule about this key, else the source's."""
    rules = (r.line for r in fold.spec.foreign_keys if r.table == table and set(r.columns) == set(columns))
    of_source = (s.line for s in fold.spec.sources if s.table == source)
    return next(rules, None) or next(of_source, fold.spec.target_line)


def names_of(repoint: Repoint) -> tuple[str, ...]:
    """The child's own key columns."""
    return tuple(column.column.name for column in repoint.columns)


def _line(fold: Fold, repoint: Repoint) -> int | None:
    return line_of(fold, repoint.child, names_of(repoint), repoint.source)


def _usable_key(fold: Fold, repoint: Repoint) -> Iterator[Finding]:
    """A foreign key needs a unique index that is immediate, whole, and over just these columns (manual 5.5.5)."""
    target = fold.lens.target
    wanted = {column.to for column in repoint.columns}
    if any(_may_be_referenced(index) and set(index.columns) == wanted for index in target.indexes):
        return
    columns = ", ".join(column.to for column in repoint.columns)
    message = f"{repoint.child} would reference {target.name} ({columns}), which is no unique key there"
    remedy = f"make one first: ALTER TABLE {target.name} ADD UNIQUE ({columns})"
    yield error("no_unique_key", str(target.name), message, remedy, _line(fold, repoint))


def _may_be_referenced(index: Index) -> bool:
    whole = index.predicate is None and None not in index.columns
    return index.unique and index.valid and index.immediate and whole


def _actions(fold: Fold, repoint: Repoint, child: Table) -> Iterator[Finding]:
    """Only what the spec asks for: what the child's key does already is its own matter."""
    old = repoint.constraint
    before = (old.on_delete, old.on_update) if old is not None else (Action.NO_ACTION, Action.NO_ACTION)
    asked = [a for a, b in zip((repoint.on_delete, repoint.on_update), before, strict=True) if a is not b]
    yield from _impossible(fold, child, names_of(repoint), asked, _line(fold, repoint))


def _changed_actions(fold: Fold, change: RuleChange) -> Iterator[Finding]:
    c = change.constraint
    pairs = ((change.on_delete, c.on_delete), (change.on_update, c.on_update))
    child = fold.schema.table(c.table)
    if child is not None:
        asked = [new for new, old in pairs if new is not old]
        yield from _impossible(fold, child, c.columns, asked, line_of(fold, c.table, c.columns, None))


def _impossible(
    fold: Fold, child: Table, columns: tuple[str, ...], asked: list[Action], line: int | None
) -> Iterator[Finding]:
    for name in columns:
        column = child[name]
        if Action.SET_NULL in asked and column.not_null:
            message = f"SET NULL for {child.name}.{name} can never work: the column is NOT NULL"
            yield error("set_null", f"{child.name}.{name}", message, "use cascade or restrict", line)
        if Action.SET_DEFAULT in asked and column.default is None and column.not_null:
            message = f"SET DEFAULT for {child.name}.{name} can never work: it has no default and is NOT NULL"
            yield error("set_default", f"{child.name}.{name}", message, "use cascade or restrict", line)


def _moved_values(fold: Fold, repoint: Repoint, child: Table) -> Iterator[Finding]:
    """What would be left behind, or go along, when the values change."""
    names = set(names_of(repoint))
    line = _line(fold, repoint)
    for other in child.foreign_keys:
        if other != repoint.constraint and names.intersection(other.columns) and not _is_repointed(fold, other):
            message = f"foreign key {other.name} of {child.name} uses the same column as the key to {repoint.source}"
            message += f", whose values change, and references {other.references}"
            remedy = "give it a column of its own, or let the values stay as they are with key: keep"
            yield error("shared_column", f"{child.name}.{other.name}", message, remedy, line)
    if child.kind is TableKind.TABLE and child.inherited_by:
        heirs = ", ".join(map(str, child.inherited_by))
        message = f"{child.name} is inherited by {heirs}, and the values of its key to {repoint.source} change"
        yield error("inherited", str(child.name), message, "detach them first: ALTER TABLE ... NO INHERIT", line)
    if child.name == fold.lens.target.name and _is_written(fold, names):
        message = f"{child.name} references {repoint.source}, whose keys change, and sources write to that column"
        remedy = "map those columns elsewhere, or use key: keep"
        yield error("target_key", f"{child.name}.{', '.join(names)}", message, remedy, line)


def _is_repointed(fold: Fold, constraint: Constraint) -> bool:
    return any(repoint.constraint == constraint for repoint in fold.repoints)


def _is_written(fold: Fold, columns: set[str]) -> bool:
    places = [rule.place for source in fold.lens.sources for rule in source.rules]
    places += [constant.place for source in fold.lens.sources for constant in source.constants]
    return any(place is not None and place.column in columns for place in places)


def _type_change(fold: Fold, repoint: Repoint, child: Table, column: ChildColumn) -> Iterator[Finding]:
    """ALTER TYPE refuses these, and would leave some of them on other values (POSTGRES.md)."""
    name, where = column.column.name, f"{child.name}.{column.column.name}"
    change = f"{where} changes from {column.column.type.sql} to {column.type.sql}"
    line = _line(fold, repoint)
    for what in (*_readers(fold, child, name), *_own_readers(child, name)):
        yield error("key_type", where, f"{change}, and {what}", "drop it first, and make it again afterwards", line)
    for what in _bindings(child, name):
        yield error(
            "key_type", where, f"{change}, and {what}", "use key: keep, or let another column hold the key", line
        )
    if column.column.default is not None:
        message = f"{change}: its default {column.column.default} leaves with the old type, and is back at rollback"
        yield warning("default", where, message, "give it another one after the cut-over", line)


def _readers(fold: Fold, child: Table, name: str) -> Iterator[str]:
    for dependent in fold.schema.dependents_of([child.name]):
        if name in dependent.columns and _blocks(dependent):
            yield f"{_kind(dependent)} {dependent.name} uses it"


def _blocks(dependent: Dependent) -> bool:
    """A publication's column list follows its column; its WHERE does not."""
    if dependent.kind is DependentKind.PUBLICATION:
        return " WHERE " in dependent.definition
    return dependent.kind not in (DependentKind.STRING_FUNCTION, DependentKind.TRIGGER_FUNCTION)


def _kind(dependent: Dependent) -> str:
    return "the WHERE of publication" if dependent.kind is DependentKind.PUBLICATION else str(dependent.kind)


def _own_readers(child: Table, name: str) -> Iterator[str]:
    for generated in child.columns:
        if name in generated.generated_from:
            yield f"generated column {generated.name} is computed from it"
    for trigger in child.triggers:
        if name in trigger.columns:
            yield f"trigger {trigger.name} names it in UPDATE OF or WHEN"
    for policy in child.policies:
        if name in policy.columns:
            yield f"policy {policy.name} uses it"
    for constraint in child.constraints:
        if constraint.kind is ConstraintKind.CHECK and name in constraint.columns:
            yield f"CHECK {constraint.name} uses it"
    for index in child.indexes:
        if name in index.expression_columns:
            yield f"an expression or the predicate of index {index.name} uses it"


def _bindings(child: Table, name: str) -> Iterator[str]:
    column = child[name]
    if name in child.partition_key:
        yield "it is in the partition key"
    if child.partition_of is not None:
        yield f"the table is a partition of {child.partition_of}"
    if child.inherits:
        yield f"the table inherits from {', '.join(map(str, child.inherits))}"
    if column.identity:
        yield "it is an identity column"
    if column.generated:
        yield "it is a generated column"


def _without_key(fold: Fold) -> Iterator[Finding]:
    """Rules of the spec about a key that is not there: they would say something and do nothing."""
    ends = {fold.lens.target.name, *fold.spec.source_names}
    keys = {(c.table, frozenset(c.columns)) for c in fold.schema.inbound if c.references in ends}
    for rule in fold.spec.foreign_keys:
        listed = f"{rule.table} ({', '.join(rule.columns)})"
        if rule.references is not None:
            continue
        if fold.schema.table(rule.table) is None:
            message = f"table {rule.table} does not exist"
            yield error("missing_table", str(rule.table), message, "check its name", rule.line)
        elif rule.table in fold.spec.source_names:
            message = f"foreign_keys: {listed} is a key of a source, and leaves with it"
            yield error("foreign_key", str(rule.table), message, "leave it out", rule.line)
        elif (rule.table, frozenset(rule.columns)) not in keys:
            message = f"foreign_keys: {listed} is no foreign key to the target or a source"
            remedy = "check the columns, or say which source's key they hold with references:"
            yield error("foreign_key", str(rule.table), message, remedy, rule.line)


def _twice(fold: Fold) -> Iterator[Finding]:
    """A column that holds keys of two sources can follow only one of them."""
    seen: dict[tuple[TableName, str], Repoint] = {}
    for repoint in fold.repoints:
        for name in names_of(repoint):
            first = seen.setdefault((repoint.child, name), repoint)
            moves = ChildChange.NONE in (first.change, repoint.change) and first.change is repoint.change
            if first is not repoint and not moves:
                message = (
                    f"{repoint.child}.{name} references {first.source} and {repoint.source}, and its values change"
                )
                yield error(
                    "shared_column", f"{repoint.child}.{name}", message, "give each a column", _line(fold, repoint)
                )
