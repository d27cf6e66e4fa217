"""The lens: how a source row becomes a target row, and how it comes back.

One pair of expressions a column serves the plan's proof, the verification, the way back and the restore check.
`lens_building` derives it from a spec and the catalog.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipelines.core.expression import Expression
from pipelines.core.place import Place
from pipelines.core.schema import Column, Constraint, Table, TableName
from pipelines.core.spec import SourceSpec, ValueMap


class Treatment(StrEnum):
    """What happens to a source column on its way."""

    SAME = "same"  # same type, same or other name
    CAST = "cast"
    VALUE_MAP = "value_map"
    PATH = "path"  # into a json(b) column
    CUSTOM = "custom"
    REFERENCE = "reference"  # a key of a source of this fold, followed to where that row went
    ROW_MAP = "row_map"  # a key that the target does not keep
    DROPPED = "dropped"
    GENERATED = "generated"  # computed again when the row is back


@dataclass(frozen=True, slots=True)
class Rule:
    """One source column: `forward` reads the source row, `inverse` the target row.

    A `place` of None stands for the row map, the archive alone, or the table's own computation. `forward` gives the
    column's bare type, or jsonb for a path. `reads_row_map`: it can be computed only once rows have their keys.
    """

    column: Column
    place: Place | None
    treatment: Treatment
    forward: Expression | None = None
    inverse: Expression | None = None
    lossy: bool = False
    values: ValueMap | None = None
    reads_row_map: bool = False
    line: int | None = None

    @property
    def is_proven(self) -> bool:
        """Whether every row must read back equal through the inverse."""
        return self.inverse is not None and not self.lossy


@dataclass(frozen=True, slots=True)
class Constant:
    """A place of the target that `set` fills; `forward` reads the source row."""

    place: Place
    forward: Expression
    line: int | None = None


class Making(StrEnum):
    """Where the value of a target column comes from when a row is folded."""

    VALUE = "value"  # one rule or constant
    DOCUMENT = "document"  # rules and constants for paths of it
    DEFAULT = "default"  # the target's own default, or NULL
    NEW_KEY = "new_key"  # the row map


@dataclass(frozen=True, slots=True)
class Placement:
    """How one target column is made; `value` reads the source row and is None only for NEW_KEY.

    `paths` are a document's parts: path and jsonb expression, in the order of the rules.
    """

    column: Column
    making: Making
    value: Expression | None = None
    paths: tuple[tuple[tuple[str, ...], Expression], ...] = ()
    reads_row_map: bool = False


@dataclass(frozen=True, slots=True)
class SourceLens:
    """One source: its rules in column order and the target columns they make, in the target's column order."""

    number: int  # 1-based, in the spec's order
    table: Table
    spec: SourceSpec
    key: tuple[Column, ...]
    rules: tuple[Rule, ...]
    constants: tuple[Constant, ...]
    placements: tuple[Placement, ...]

    @property
    def name(self) -> TableName:
        """The source's own name, wherever it stands at the moment."""
        return self.table.name

    @property
    def proven(self) -> tuple[Rule, ...]:
        """The rules whose columns must read back equal."""
        return tuple(rule for rule in self.rules if rule.is_proven)

    @property
    def lossy(self) -> tuple[Rule, ...]:
        """The rules that lose something; their exact values stay in the archive and the sealed backup."""
        return tuple(rule for rule in self.rules if rule.lossy)

    def rule(self, column: str) -> Rule:
        """The rule of a source column; of one that the spec places nowhere, a rule without a place."""
        found = next((rule for rule in self.rules if rule.column.name == column), None)
        return found or Rule(self.table[column], None, Treatment.DROPPED)


@dataclass(frozen=True, slots=True)
class Lens:
    """The whole fold: the target as it will be (added columns included), its key, and each source."""

    target: Table
    key: tuple[Column, ...]
    sources: tuple[SourceLens, ...]
    empty: tuple[Table, ...] = ()  # sources that the spec expects to hold no row
    keys_from: Mapping[TableName, tuple[Constraint, ...]] | None = None

    @property
    def archived(self) -> tuple[Table, ...]:
        """Every table that leaves at the cut-over, in the spec's order of kinds."""
        return (*(source.table for source in self.sources), *self.empty)

    def source(self, name: TableName) -> SourceLens:
        """The lens of one source."""
        return next(source for source in self.sources if source.name == name)

    def numbered(self, number: int) -> SourceLens:
        """The lens of the source with that number."""
        return next(source for source in self.sources if source.number == number)
