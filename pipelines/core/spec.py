"""The spec: what a defs.yaml asks for (SPEC.md), parsed once and frozen. `spec_file` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pipelines.core.place import Place
from pipelines.core.schema import Action, TableName

Scalar = str | int | float | bool | None


class Otherwise(StrEnum):
    """What a value map does with a value it does not name."""

    ERROR = "error"
    KEEP = "keep"
    NULL = "null"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class ValueMap:
    """Source value -> target value, in the order listed; `otherwise_value` only with Otherwise.VALUE."""

    pairs: tuple[tuple[Scalar, Scalar], ...]
    otherwise: Otherwise = Otherwise.ERROR
    otherwise_value: Scalar = None


@dataclass(frozen=True, slots=True)
class CustomSql:
    """An author's own pair; `{name}` is a column of the source in `forward`, of the target in `inverse`."""

    forward: str
    inverse: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """Where one source column goes, and how; neither `values` nor `custom`: as it is, by cast where types differ."""

    column: str
    place: Place
    values: ValueMap | None = None
    custom: CustomSql | None = None
    lossy: bool = False
    line: int | None = None


class RestKind(StrEnum):
    """What happens to the columns no rule names."""

    SAME_NAME = "same_name"
    PATH = "path"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Rest:
    """The rule of the other columns; `place` only with RestKind.PATH."""

    kind: RestKind = RestKind.SAME_NAME
    place: Place | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class SetRule:
    """A constant for a place of the target, or an SQL expression over the source row."""

    place: Place
    constant: Scalar = None
    expression: str | None = None
    line: int | None = None


class KeyMode(StrEnum):
    """Whether a source row keeps its key in the target, or gets a new one from the target's default."""

    KEEP = "keep"
    NEW = "new"


class OnConflict(StrEnum):
    """What happens when the target has a row's key or unique value already."""

    ERROR = "error"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One table that is folded into the target; `columns` in the order written."""

    table: TableName
    key: KeyMode = KeyMode.KEEP
    key_columns: tuple[str, ...] = ()
    columns: tuple[ColumnRule, ...] = ()
    rest: Rest = Rest()
    set: tuple[SetRule, ...] = ()
    on_conflict: OnConflict = OnConflict.ERROR
    expect_empty: bool = False
    line: int | None = None


@dataclass(frozen=True, slots=True)
class AddColumn:
    """A column the target gets when it has none of that name; `default` and `check` are SQL."""

    name: str
    type: str
    default: str | None = None
    not_null: bool = False
    check: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class ForeignKeyRule:
    """What a child's key does from now on, or a key that no constraint declares (`references` a source)."""

    table: TableName
    columns: tuple[str, ...]
    references: TableName | None = None
    on_delete: Action | None = None
    on_update: Action | None = None
    line: int | None = None


class Approval(StrEnum):
    """Which steps wait for a person."""

    NONE = "none"
    CUT_OVER = "cut_over"
    DROP = "drop"
    BOTH = "both"


class Accept(StrEnum):
    """A named risk that preflight refuses unless the spec accepts it."""

    WIDER_ACCESS = "wider_access"
    LITERAL_KEYS = "literal_keys"
    FUNCTION_BODIES = "function_bodies"


@dataclass(frozen=True, slots=True)
class Spec:
    """One consolidation: `name` is its folder's; `sha256` is of the file's text as written."""

    name: str
    target: TableName
    sources: tuple[SourceSpec, ...]
    description: str = ""
    add_columns: tuple[AddColumn, ...] = ()
    drop_not_null: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKeyRule, ...] = ()
    accept: frozenset[Accept] = frozenset()
    approval: Approval = Approval.DROP
    drop_after: timedelta = timedelta(days=7)
    batch_rows: int = 20_000
    lock_timeout_s: float = 0.3
    lock_wait_s: float = 60.0
    text: str = ""
    sha256: str = ""
    target_line: int | None = None

    @property
    def source_names(self) -> tuple[TableName, ...]:
        """The sources' tables, in the order written."""
        return tuple(source.table for source in self.sources)

    @property
    def table_names(self) -> tuple[TableName, ...]:
        """Every table the spec names: target, sources, and those of foreign key rules."""
        named = [self.target, *self.source_names, *(rule.table for rule in self.foreign_keys)]
        return tuple(dict.fromkeys(named))
