"""What is there: tables as the catalog describes them, frozen.

Every `definition` is the server's own text (pg_get_constraintdef and its kin, PostgreSQL manual 9.27.9), taken with
an empty search_path, so that every name in it is schema-qualified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from psycopg import sql

from pipelines.core.wording import as_identifier


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table's schema and name, as the catalog spells them (no quoting)."""

    schema: str
    name: str

    def __str__(self) -> str:
        """As SQL reads it: in quotes where they are needed, so that it can be pasted (manual 4.1.1)."""
        return f"{as_identifier(self.schema)}.{as_identifier(self.name)}"

    @property
    def identifier(self) -> sql.Identifier:
        """The quoted, schema-qualified SQL identifier."""
        return sql.Identifier(self.schema, self.name)

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Read `schema.table`; a bare name means public.

        A part that holds a dot or a double quote is written in double quotes, a double quote in it twice.
        """
        parts = _split_name(text)
        match parts:
            case [name]:
                return cls("public", name)
            case [schema, name]:
                return cls(schema, name)
            case _:
                raise ValueError(f"{text!r} is not a table name: write schema.table, or a bare name for public")


_DOUBLED = "\0"  # stands for a doubled quote; no name holds it


def _split_name(text: str) -> list[str]:
    parts, current, quoted = [], "", False
    for character in text.replace('""', _DOUBLED):
        if character == '"':
            quoted = not quoted
        elif character == "." and not quoted:
            parts.append(current)
            current = ""
        else:
            current += character
    parts.append(current)
    return [part.replace(_DOUBLED, '"') for part in parts] if all(parts) and not quoted else []


class JsonEncoding(StrEnum):
    """How a value of a type stands in a JSON document so that it comes back image-equal (POSTGRES.md, Equality)."""

    NATIVE = "native"  # to_jsonb and back is exact
    ARRAY = "array"  # native, unless a lower bound is not 1: then its text
    JSONB = "jsonb"  # as is, unless it is a JSON null or a JSON string: then its text
    TEXT = "text"  # always its text: json, and types that hold json, or arrays inside composites


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column's type: `sql` is format_type's text, schema-qualified; `base` is the domain's base type's text."""

    sql: str
    oid: int
    category: str  # pg_type.typcategory
    kind: str  # pg_type.typtype: b base, c composite, d domain, e enum, r range, m multirange
    json: JsonEncoding = JsonEncoding.NATIVE
    bare: str = ""  # format_type(oid, -1): without its modifier, so that a cast never truncates
    base: str | None = None  # of a domain, else None
    labels: tuple[str, ...] = ()  # of an enum, also under a domain, in order
    has_default_equality: bool = True  # false where the type has no btree or hash operator class (json, point)
    domain_checks: tuple[str, ...] = ()  # of a domain and those under it: expressions over VALUE
    domain_not_null: bool = False
    domain_default: str | None = None  # what a column of it without a default of its own gets


@dataclass(frozen=True, slots=True)
class Column:
    """One column, in attnum order."""

    name: str
    type: ColumnType
    position: int  # attnum
    not_null: bool = False
    default: str | None = None  # pg_get_expr text, None where there is none
    default_is_volatile: bool = False
    generated: bool = False  # GENERATED ALWAYS AS (...), stored or virtual
    identity: str = ""  # "", "a" (always) or "d" (by default)
    collation: str | None = None  # schema-qualified, None for the type's default
    comment: str | None = None
    not_null_constraint: str | None = None  # name on PostgreSQL 18, else None
    not_null_validated: bool = True  # false where rows from before a NOT VALID constraint may hold NULL
    generation: str | None = None  # of a generated column: its expression, over bare column names
    generated_from: tuple[str, ...] = ()  # the columns which that expression reads
    virtual: bool = False  # of a generated column: computed when read (PostgreSQL 18)
    sequence: TableName | None = None  # what its default or identity draws from, owned or not

    @property
    def identifier(self) -> sql.Identifier:
        """The quoted name."""
        return sql.Identifier(self.name)


class ConstraintKind(StrEnum):
    """pg_constraint.contype."""

    PRIMARY = "p"
    UNIQUE = "u"
    CHECK = "c"
    FOREIGN = "f"
    EXCLUSION = "x"


class Action(StrEnum):
    """What a foreign key does on delete or update (pg_constraint.confdeltype)."""

    NO_ACTION = "a"
    RESTRICT = "r"
    CASCADE = "c"
    SET_NULL = "n"
    SET_DEFAULT = "d"


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint of `table`; the `references*` and `on_*` fields are those of foreign keys."""

    table: TableName
    name: str
    kind: ConstraintKind
    columns: tuple[str, ...]
    definition: str
    validated: bool = True
    enforced: bool = True
    deferrable: bool = False
    deferred: bool = False
    inherited: bool = False  # a copy on a partition of a constraint of its parent
    references: TableName | None = None
    references_columns: tuple[str, ...] = ()
    on_delete: Action = Action.NO_ACTION
    on_delete_columns: tuple[str, ...] = ()  # of SET NULL and SET DEFAULT; empty for all of `columns`
    on_update: Action = Action.NO_ACTION
    match_full: bool = False
    comment: str | None = None
    expression: str | None = None  # of a CHECK: pg_get_expr text over bare column names
    operators: tuple[str, ...] = ()  # of an exclusion: `schema.operator` a key, as OPERATOR(...) takes it
    temporal: bool = False  # WITHOUT OVERLAPS or PERIOD (PostgreSQL 18)


@dataclass(frozen=True, slots=True)
class Index:
    """One index: `keys` are column names or expressions as SQL text, in order, without included columns."""

    name: str
    definition: str
    keys: tuple[str, ...]
    columns: tuple[str | None, ...]  # column name a key, None where the key is an expression
    unique: bool
    primary: bool
    valid: bool = True
    nulls_not_distinct: bool = False
    predicate: str | None = None
    constraint: str | None = None
    immediate: bool = True
    replica_identity: bool = False
    expression_columns: tuple[str, ...] = ()  # those that its expressions and predicate read
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """One user trigger: `enabled` is pg_trigger.tgenabled (O, D, R or A)."""

    name: str
    definition: str
    enabled: str
    function: str
    comment: str | None = None
    columns: tuple[str, ...] = ()  # those of UPDATE OF and WHEN
    inherited: bool = False  # a copy on a partition of a trigger of its parent


@dataclass(frozen=True, slots=True)
class Policy:
    """One row security policy."""

    name: str
    command: str  # pg_policy.polcmd: *, r, a, w, d
    permissive: bool
    roles: tuple[str, ...]  # "public" for everybody
    using: str | None
    check: str | None
    columns: tuple[str, ...] = ()  # the table's own columns that it reads


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant: `column` is None for the whole table."""

    grantee: str  # "public" for everybody
    privilege: str
    grantable: bool = False
    column: str | None = None


@dataclass(frozen=True, slots=True)
class OwnedSequence:
    """A sequence that `column` owns, or that no column owns and its default draws from.

    `last_value` is None where it may not be read, its start while not `is_called`.
    """

    name: TableName
    column: str
    identity: bool
    last_value: int | None
    is_called: bool
    increment: int = 1
    owned: bool = True  # then it moves with its table


class TableKind(StrEnum):
    """pg_class.relkind, and what of it is a partition or an inheritance child."""

    TABLE = "table"
    PARTITIONED = "partitioned"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized view"
    FOREIGN_TABLE = "foreign table"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Table:
    """One relation with everything that a fold must know or keep."""

    name: TableName
    oid: int
    kind: TableKind
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...] = ()  # its own
    indexes: tuple[Index, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    policies: tuple[Policy, ...] = ()
    grants: tuple[Grant, ...] = ()
    sequences: tuple[OwnedSequence, ...] = ()
    publications: tuple[str, ...] = ()
    updates_shipped_by: tuple[str, ...] = ()  # those of its publications
    deletes_shipped_by: tuple[str, ...] = ()
    owner: str = ""
    row_security: bool = False
    force_row_security: bool = False
    replica_identity: str = "d"
    persistence: str = "p"  # p permanent, u unlogged, t temporary
    partition_of: TableName | None = None
    inherits: tuple[TableName, ...] = ()
    inherited_by: tuple[TableName, ...] = ()  # plain inheritance children and partitions
    partition_key: tuple[str, ...] = ()
    estimated_rows: int = 0
    size_bytes: int = 0  # heap, TOAST and indexes
    comment: str | None = None
    rules: tuple[str, ...] = ()  # pg_get_ruledef of its rewrite rules, a view's own SELECT left out

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((c for c in self.columns if c.name == name), None)

    def __getitem__(self, name: str) -> Column:
        found = self.column(name)
        if found is None:
            raise KeyError(f"{self.name} has no column {name!r}")
        return found

    @property
    def counting(self) -> tuple[OwnedSequence, ...]:
        """Its sequences whose values a column holds as numbers: of those alone the rows tell which values are used."""
        return tuple(sequence for sequence in self.sequences if self[sequence.column].type.category == "N")

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Its columns, in key order; empty where there is none."""
        keys = [c.columns for c in self.constraints if c.kind is ConstraintKind.PRIMARY]
        return keys[0] if keys else ()

    @property
    def not_null_unique_keys(self) -> tuple[tuple[str, ...], ...]:
        """The unique, immediate, unconditional keys whose columns are all NOT NULL; primary key first."""
        found = [
            tuple(name for name in index.columns if name is not None)
            for index in sorted(self.indexes, key=lambda index: not index.primary)
            if index.unique
            and index.valid
            and index.immediate
            and index.predicate is None
            and None not in index.columns
        ]
        return tuple(dict.fromkeys(k for k in found if all(self._never_null(name) for name in k)))

    def _never_null(self, name: str) -> bool:
        column = self[name]
        return column.not_null and column.not_null_validated

    @property
    def foreign_keys(self) -> tuple[Constraint, ...]:
        """Its own, outbound."""
        return tuple(c for c in self.constraints if c.kind is ConstraintKind.FOREIGN)


class DependentKind(StrEnum):
    """What may read a table from outside a fold."""

    VIEW = "view"
    MATERIALIZED_VIEW = "materialized view"
    FUNCTION = "function"  # BEGIN ATOMIC: pg_depend knows it
    STRING_FUNCTION = "function body"  # a string body that names the table: found by its text
    POLICY = "policy"
    RULE = "rule"
    TRIGGER_FUNCTION = "trigger function"
    PUBLICATION = "publication"
    COLUMN = "column"  # of another relation: has the table's row type, or draws from its sequence


@dataclass(frozen=True, slots=True)
class Dependent:
    """Something outside `table` that reads it; `columns` are those that it uses, empty where not known."""

    table: TableName
    kind: DependentKind
    name: str
    definition: str = ""
    columns: tuple[str, ...] = ()
    relation: TableName | None = None  # the view, or the table of the policy, rule or column


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the server and the connected role can do."""

    version: int  # server_version_num, for example 180004
    role: str
    is_superuser: bool = False
    may_replicate: bool = False  # may SET session_replication_role
    may_create_schema: bool = False
    database: str = ""
    missing_privileges: tuple[str, ...] = ()  # GRANT statements that would give what is missing


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """A function that a custom expression calls: its volatility decides whether it may."""

    name: str
    volatility: str  # i, s or v
    digest: str = ""  # of the source of a function outside pg_catalog: another one when it is redefined


@dataclass(frozen=True, slots=True)
class Schema:
    """The part of the catalog that a spec concerns, in one snapshot."""

    tables: Mapping[TableName, Table]
    inbound: tuple[Constraint, ...] = ()  # foreign keys of any table to a table of the spec
    dependents: tuple[Dependent, ...] = ()
    server: ServerFacts = field(default_factory=lambda: ServerFacts(0, ""))

    def table(self, name: TableName) -> Table | None:
        """The table of that name, or None where the database has none."""
        return self.tables.get(name)

    def __getitem__(self, name: TableName) -> Table:
        return self.tables[name]

    def inbound_of(self, name: TableName) -> tuple[Constraint, ...]:
        """The foreign keys that reference this table, ordered by table and name."""
        return tuple(sorted((c for c in self.inbound if c.references == name), key=lambda c: (c.table, c.name)))

    def dependents_of(self, names: Iterable[TableName]) -> tuple[Dependent, ...]:
        """What reads any of these tables."""
        wanted = set(names)
        return tuple(d for d in self.dependents if d.table in wanted)
