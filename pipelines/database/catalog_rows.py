"""Rows of introspection.sql, and the one place where each becomes an object of core.schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.core.schema import (
    Action,
    Column,
    ColumnType,
    Constraint,
    ConstraintKind,
    Grant,
    Index,
    OwnedSequence,
    Policy,
    TableKind,
    TableName,
    Trigger,
)

_KINDS = {
    "r": TableKind.TABLE,
    "p": TableKind.PARTITIONED,
    "v": TableKind.VIEW,
    "m": TableKind.MATERIALIZED_VIEW,
    "f": TableKind.FOREIGN_TABLE,
}


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """A member of the scope: `part` is named, child, parent, or inbound with a constraint's oid."""

    part: str
    oid: int


@dataclass(frozen=True, slots=True)
class RelationRow:
    """A relation without what hangs on it; `parents` are partition roots or inheritance parents."""

    oid: int
    schema: str
    name: str
    kind: str
    owner: str
    row_security: bool
    force_row_security: bool
    replica_identity: str
    persistence: str
    is_partition: bool
    parents: list[list[str]]
    heirs: list[list[str]]
    partition_key: list[str]
    estimated_rows: int
    size_bytes: int
    comment: str | None
    rules: list[str]

    @property
    def table_kind(self) -> TableKind:
        """Its kind; OTHER for a sequence, an index or a composite type."""
        return _KINDS.get(self.kind, TableKind.OTHER)


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A column; `tree` is the node tree of its default or generation expression."""

    relation: int
    name: str
    position: int
    type: int
    type_sql: str
    not_null: bool
    not_null_constraint: str | None
    not_null_validated: bool
    expression: str | None
    tree: str | None
    generated: str
    generated_from: list[str]
    identity: str
    collation: str | None
    comment: str | None
    sequence: list[str] | None

    def column(self, type: ColumnType, default_is_volatile: bool) -> Column:
        """The column, of a type that was described beside it."""
        is_generated = self.generated != ""
        return Column(
            name=self.name,
            type=type,
            position=self.position,
            not_null=self.not_null,
            default=None if is_generated else self.expression,
            default_is_volatile=default_is_volatile and not is_generated,
            generated=is_generated,
            identity=self.identity,
            collation=self.collation,
            comment=self.comment,
            not_null_constraint=self.not_null_constraint,
            not_null_validated=self.not_null_validated,
            generation=self.expression if is_generated else None,
            generated_from=tuple(self.generated_from),
            virtual=self.generated == "v",
            sequence=optional_name(self.sequence),
        )


@dataclass(frozen=True, slots=True)
class ConstraintRow:
    """A constraint with the names of its tables."""

    oid: int
    relation: int
    table_name: list[str]
    name: str
    kind: str
    columns: list[str]
    definition: str
    validated: bool
    enforced: bool
    deferrable: bool
    deferred: bool
    inherited: bool
    referenced: list[str] | None
    referenced_columns: list[str]
    on_delete: str
    on_delete_columns: list[str]
    on_update: str
    match_full: bool
    comment: str | None
    expression: str | None
    operators: list[str]
    temporal: bool
    is_copy: bool

    @property
    def constraint(self) -> Constraint:
        """The constraint; the actions of another kind than a foreign key are NO ACTION."""
        is_foreign = self.referenced is not None
        return Constraint(
            table=TableName(*self.table_name),
            name=self.name,
            kind=ConstraintKind(self.kind),
            columns=tuple(self.columns),
            definition=self.definition,
            validated=self.validated,
            enforced=self.enforced,
            deferrable=self.deferrable,
            deferred=self.deferred,
            inherited=self.inherited,
            references=optional_name(self.referenced),
            references_columns=tuple(self.referenced_columns),
            on_delete=Action(self.on_delete) if is_foreign else Action.NO_ACTION,
            on_delete_columns=tuple(self.on_delete_columns),
            on_update=Action(self.on_update) if is_foreign else Action.NO_ACTION,
            match_full=self.match_full,
            comment=self.comment,
            expression=self.expression,
            operators=tuple(self.operators),
            temporal=self.temporal,
        )


@dataclass(frozen=True, slots=True)
class IndexRow:
    """An index of a relation."""

    relation: int
    name: str
    definition: str
    keys: list[str]
    columns: list[str | None]
    unique: bool
    primary: bool
    valid: bool
    nulls_not_distinct: bool
    predicate: str | None
    constraint: str | None
    immediate: bool
    replica_identity: bool
    expression_columns: list[str]
    comment: str | None

    @property
    def index(self) -> Index:
        """The index."""
        return Index(
            name=self.name,
            definition=self.definition,
            keys=tuple(self.keys),
            columns=tuple(self.columns),
            unique=self.unique,
            primary=self.primary,
            valid=self.valid,
            nulls_not_distinct=self.nulls_not_distinct,
            predicate=self.predicate,
            constraint=self.constraint,
            immediate=self.immediate,
            replica_identity=self.replica_identity,
            expression_columns=tuple(self.expression_columns),
            comment=self.comment,
        )


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """A user trigger of a relation."""

    relation: int
    name: str
    definition: str
    enabled: str
    function: str
    comment: str | None
    columns: list[str]
    inherited: bool

    @property
    def trigger(self) -> Trigger:
        """The trigger."""
        return Trigger(
            name=self.name,
            definition=self.definition,
            enabled=self.enabled,
            function=self.function,
            comment=self.comment,
            columns=tuple(self.columns),
            inherited=self.inherited,
        )


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A policy of a relation."""

    relation: int
    name: str
    command: str
    permissive: bool
    roles: list[str]
    using: str | None
    check: str | None
    columns: list[str]

    @property
    def policy(self) -> Policy:
        """The policy."""
        return Policy(
            name=self.name,
            command=self.command,
            permissive=self.permissive,
            roles=tuple(self.roles),
            using=self.using,
            check=self.check,
            columns=tuple(self.columns),
        )


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant on a relation or one of its columns."""

    relation: int
    column: str | None
    grantee: str
    privilege: str
    grantable: bool

    @property
    def grant(self) -> Grant:
        """The grant."""
        return Grant(self.grantee, self.privilege, self.grantable, self.column)


@dataclass(frozen=True, slots=True)
class SequenceRow:
    """A sequence that belongs to a column, without its position."""

    relation: int
    name: list[str]
    column: str
    identity: bool
    increment: int
    owned: bool
    readable: bool

    @property
    def table_name(self) -> TableName:
        """The sequence's own name."""
        return TableName(*self.name)

    def sequence(self, last_value: int | None, is_called: bool) -> OwnedSequence:
        """The sequence at a position."""
        return OwnedSequence(
            self.table_name, self.column, self.identity, last_value, is_called, self.increment, self.owned
        )


@dataclass(frozen=True, slots=True)
class PublicationRow:
    """A publication that ships a relation, and whether it ships updates and deletes."""

    relation: int
    name: str
    updates: bool
    deletes: bool


def optional_name(parts: Sequence[str] | None) -> TableName | None:
    """A name from its schema and name, or None."""
    return None if parts is None else TableName(*parts)


def table_names(pairs: Sequence[Sequence[str]]) -> tuple[TableName, ...]:
    """Names from their schemas and names."""
    return tuple(TableName(*pair) for pair in pairs)
