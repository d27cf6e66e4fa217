"""The fold: everything that is decided before anything is done. Steps are made from it, and so is the way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from pipelines.core import names
from pipelines.core.expression import Expression
from pipelines.core.findings import Finding, error, warning
from pipelines.core.lens import Lens, Making, SourceLens, Treatment
from pipelines.core.references import key_pair
from pipelines.core.schema import Action, Column, ColumnType, Constraint, Schema, TableName
from pipelines.core.spec import AddColumn, ForeignKeyRule, KeyMode, Spec


class ChildChange(StrEnum):
    """What a child's key columns go through."""

    NONE = "none"  # the values stay as they are
    VALUES = "values"  # same type, other values
    TYPE = "type"  # another type, filled through the row map


@dataclass(frozen=True, slots=True)
class ChildColumn:
    """One key column of a child: `forward` and `inverse` read the value; None where it stays."""

    column: Column
    to: str  # the target's column
    type: ColumnType  # the type it gets
    forward: Expression | None = None
    inverse: Expression | None = None


@dataclass(frozen=True, slots=True)
class Repoint:
    """A key that references a source and will reference the target.

    `constraint` is None for a key that only the spec declares; then no constraint is dropped, and one is made only
    where the rule says `on_delete` or `on_update`. `rewritten`: a unique index holds a column whose values change. An
    UPDATE would break it on its way where old and new values overlap, so they are written anew as other types are.
    """

    child: TableName
    source: TableName
    columns: tuple[ChildColumn, ...]
    constraint: Constraint | None
    on_delete: Action
    on_update: Action
    constrained: bool = True  # whether a foreign key is made
    rewritten: bool = False

    @property
    def change(self) -> ChildChange:
        """The widest change of its columns."""
        if self.rewritten or any(c.column.type.sql != c.type.sql for c in self.columns):
            return ChildChange.TYPE
        return ChildChange.VALUES if any(c.forward is not None for c in self.columns) else ChildChange.NONE


@dataclass(frozen=True, slots=True)
class OutboundKey:
    """A source's own foreign key: dropped at the cut-over, back at rollback.

    `remade` are the target's columns that will carry it; empty where the target has it already or it is lost.
    """

    constraint: Constraint
    remade: tuple[str, ...] = ()
    references: TableName | None = None
    references_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A foreign key of a child of the target whose delete or update rule the spec changes."""

    constraint: Constraint
    on_delete: Action
    on_update: Action


@dataclass(frozen=True, slots=True)
class Fold:
    """A spec, the catalog as it was before, the lens, and what follows from them."""

    spec: Spec
    schema: Schema
    lens: Lens
    repoints: tuple[Repoint, ...] = ()
    outbound: tuple[OutboundKey, ...] = ()
    rule_changes: tuple[RuleChange, ...] = ()
    added: tuple[AddColumn, ...] = ()  # those that the target lacks
    dropped_not_null: tuple[str, ...] = ()  # those that are NOT NULL now

    @property
    def name(self) -> str:
        """The consolidation's name."""
        return self.spec.name

    @property
    def children(self) -> tuple[TableName, ...]:
        """The tables whose keys are repointed or whose rules change, each once."""
        found = [repoint.child for repoint in self.repoints] + [c.constraint.table for c in self.rule_changes]
        return tuple(dict.fromkeys(found))

    def archived(self, table: TableName) -> TableName:
        """A source's name while it is archived; any other table's own name."""
        return names.archived(self.name, table) if table in self.spec.source_names else table


@dataclass(frozen=True, slots=True)
class BuiltFold:
    """The fold where it could be built, and what there is to say about it."""

    fold: Fold
    findings: tuple[Finding, ...]


def build_fold(spec: Spec, schema: Schema, lens: Lens) -> BuiltFold:
    """Decide what happens to keys, children and columns."""
    repoints: list[Repoint] = []
    findings: list[Finding] = []
    for item in _repoints(spec, schema, lens):
        (repoints if isinstance(item, Repoint) else findings).append(item)  # type: ignore[arg-type]
    outbound = tuple(_outbound(lens, spec))
    target = schema[spec.target]
    fold = Fold(
        spec,
        schema,
        lens,
        tuple(repoints),
        outbound,
        tuple(_rule_changes(spec, schema)),
        tuple(added for added in spec.add_columns if target.column(added.name) is None),
        tuple(name for name in spec.drop_not_null if (column := target.column(name)) and column.not_null),
    )
    return BuiltFold(fold, (*findings, *_lost_keys(outbound)))


def _repoints(spec: Spec, schema: Schema, lens: Lens) -> Iterator[Repoint | Finding]:
    sources = set(spec.source_names)
    for constraint in schema.inbound:
        if constraint.references in sources and constraint.table not in sources:
            yield _repoint(spec, schema, lens, constraint, _rule_for(spec, constraint.table, constraint.columns))
    declared = {(c.table, c.columns) for c in schema.inbound if c.references in sources}
    for rule in spec.foreign_keys:
        if rule.references in sources and (rule.table, rule.columns) not in declared and rule.table not in sources:
            yield _declared_repoint(spec, schema, lens, rule)


def _rule_for(spec: Spec, table: TableName, columns: tuple[str, ...]) -> ForeignKeyRule | None:
    return next((r for r in spec.foreign_keys if r.table == table and set(r.columns) == set(columns)), None)


def _repoint(
    spec: Spec, schema: Schema, lens: Lens, constraint: Constraint, rule: ForeignKeyRule | None
) -> Repoint | Finding:
    assert constraint.references is not None
    pairs = zip(constraint.columns, constraint.references_columns, strict=True)
    columns = _child_columns(spec, schema, lens, constraint.table, constraint.references, tuple(pairs))
    if isinstance(columns, Finding):
        return columns
    return Repoint(
        constraint.table,
        constraint.references,
        columns,
        constraint,
        rule.on_delete if rule and rule.on_delete else constraint.on_delete,
        rule.on_update if rule and rule.on_update else constraint.on_update,
        rewritten=_is_unique(schema, constraint.table, columns),
    )


def _declared_repoint(spec: Spec, schema: Schema, lens: Lens, rule: ForeignKeyRule) -> Repoint | Finding:
    assert rule.references is not None
    child = schema.table(rule.table)
    if child is None:
        return error(
            "missing_table", str(rule.table), f"table {rule.table} does not exist", "check its name", rule.line
        )
    unknown = [name for name in rule.columns if child.column(name) is None]
    if unknown:
        message = f"{rule.table} has no column {unknown[0]!r}"
        return error("unknown_column", f"{rule.table}.{unknown[0]}", message, "check its name", rule.line)
    source = next((s for s in lens.sources if s.name == rule.references), None)
    key = tuple(c.name for c in source.key) if source else ()
    if len(key) != len(rule.columns):
        message = (
            f"foreign_keys: {rule.table} names {len(rule.columns)} columns, the key of {rule.references} has {len(key)}"
        )
        return error("foreign_key", str(rule.table), message, "name a column for each", rule.line)
    pairs = tuple(zip(rule.columns, key, strict=True))
    columns = _child_columns(spec, schema, lens, rule.table, rule.references, pairs)
    if isinstance(columns, Finding):
        return columns
    wanted = rule.on_delete is not None or rule.on_update is not None
    return Repoint(
        rule.table,
        rule.references,
        columns,
        None,
        rule.on_delete or Action.NO_ACTION,
        rule.on_update or Action.NO_ACTION,
        constrained=wanted,
        rewritten=_is_unique(schema, rule.table, columns),
    )


def _is_unique(schema: Schema, child: TableName, columns: tuple[ChildColumn, ...]) -> bool:
    """Whether a unique index of the child compares values that change."""
    followed = {c.column.name for c in columns if c.forward is not None}
    return any(index.unique and followed.intersection(index.columns) for index in schema[child].indexes)


def _child_columns(
    spec: Spec, schema: Schema, lens: Lens, child: TableName, source: TableName, pairs: tuple[tuple[str, str], ...]
) -> tuple[ChildColumn, ...] | Finding:
    found = next((s for s in lens.sources if s.name == source), None)
    columns = [_child_column(spec, schema, lens, child, found, pair) for pair in pairs] if found else [None]
    if found is None or None in columns:
        listed, line = ", ".join(c for _, c in pairs), found.spec.line if found else None
        if found is not None and found.spec.key is KeyMode.NEW and {c for _, c in pairs} == {c.name for c in found.key}:
            message = f"{child} references {listed} of {source}, and a new key of one column cannot take their place"
            remedy = (
                f"let {child} reference one unique column of {source} before, or give {lens.target.name} such a key"
            )
            return error("inbound_key", str(child), message, f"{remedy} and use key: keep", line)
        message = f"{child} references {listed} of {source}, which has no place in the target"
        return error("inbound_key", str(child), message, f"map {listed} of {source} to columns of the target", line)
    return tuple(column for column in columns if column is not None)


def _child_column(
    spec: Spec, schema: Schema, lens: Lens, child: TableName, source: SourceLens, pair: tuple[str, str]
) -> ChildColumn | None:
    column = schema[child][pair[0]]
    followed = key_pair(spec.name, source, pair[1], lens.target, lens.key)
    if followed is not None:
        forward, inverse, type_of = followed
        to = lens.key[0].name if source.spec.key is KeyMode.NEW and pair[1] in {c.name for c in source.key} else None
        rule = source.rule(pair[1])
        where = to or (rule.place.column if rule.place else None)
        return ChildColumn(column, where, type_of, forward, inverse) if where else None
    rule = source.rule(pair[1])
    if rule.place is None or rule.place.path or rule.treatment is not Treatment.SAME:
        return None
    return ChildColumn(column, rule.place.column, lens.target[rule.place.column].type)


def referenced_columns(lens: Lens, repoint: Repoint) -> tuple[str, ...]:
    """The source's columns that a child's key columns hold, in the same order."""
    if repoint.constraint is not None:
        return repoint.constraint.references_columns
    return tuple(column.name for column in lens.source(repoint.source).key)


def _outbound(lens: Lens, spec: Spec) -> Iterator[OutboundKey]:
    made: set[tuple[object, ...]] = set()
    for table in lens.archived:
        for constraint in table.foreign_keys:
            source = next((s for s in lens.sources if s.name == table.name), None)
            key = _outbound_key(lens, spec, source, constraint) if source else OutboundKey(constraint)
            same = (key.remade, key.references, key.references_columns)
            yield replace(key, remade=()) if same in made else key
            made.add(same)


def _outbound_key(lens: Lens, spec: Spec, source: SourceLens, constraint: Constraint) -> OutboundKey:
    columns = _carrying_columns(source, constraint)
    assert constraint.references is not None
    if not columns:
        return OutboundKey(constraint)
    if constraint.references in spec.source_names:
        return _between_sources(lens, columns, constraint)
    same = [k for k in lens.target.foreign_keys if k.columns == columns and k.references == constraint.references]
    itself = constraint.references == lens.target.name and columns == constraint.references_columns
    remade = () if same or itself else columns
    return OutboundKey(constraint, remade, constraint.references, constraint.references_columns)


def _between_sources(lens: Lens, columns: tuple[str, ...], constraint: Constraint) -> OutboundKey:
    assert constraint.references is not None
    to = next((s for s in lens.sources if s.name == constraint.references), None)
    if to is None:
        return OutboundKey(constraint)
    new = to.spec.key is KeyMode.NEW and {c.name for c in to.key} == set(constraint.references_columns)
    places = [to.rule(name).place for name in constraint.references_columns]
    landed = (lens.key[0].name,) if new else tuple(p.column for p in places if p and not p.path)
    same = [k for k in lens.target.foreign_keys if k.columns == columns and k.references == lens.target.name]
    if same or len(landed) != len(columns):
        return OutboundKey(constraint, (), lens.target.name, landed)
    return OutboundKey(constraint, columns, lens.target.name, landed)


def _carrying_columns(source: SourceLens, constraint: Constraint) -> tuple[str, ...]:
    """The target columns that hold this key's values unchanged or followed; empty where one goes elsewhere."""
    carrying = (Treatment.SAME, Treatment.CAST, Treatment.REFERENCE)
    rules = [source.rule(name) for name in constraint.columns]
    if any(r.place is None or r.place.path or r.treatment not in carrying for r in rules):
        return ()
    return tuple(r.place.column for r in rules if r.place)


def _lost_keys(outbound: tuple[OutboundKey, ...]) -> Iterator[Finding]:
    for key in outbound:
        if not key.remade and not key.references_columns:
            c = key.constraint
            message = f"foreign key {c.name} of {c.table} to {c.references} has no place in the target"
            yield warning("lost_key", f"{c.table}.{c.name}", message, "it comes back at rollback")


def _rule_changes(spec: Spec, schema: Schema) -> Iterator[RuleChange]:
    for rule in spec.foreign_keys:
        for constraint in schema.inbound:
            if constraint.references != spec.target or constraint.table != rule.table:
                continue
            if set(constraint.columns) != set(rule.columns):
                continue
            on_delete, on_update = rule.on_delete or constraint.on_delete, rule.on_update or constraint.on_update
            if (on_delete, on_update) != (constraint.on_delete, constraint.on_update):
                yield RuleChange(constraint, on_delete, on_update)


def default_columns(source: SourceLens) -> tuple[str, ...]:
    """The target columns that nothing of this source goes to."""
    return tuple(p.column.name for p in source.placements if p.making is Making.DEFAULT)
