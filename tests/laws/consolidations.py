"""A whole consolidation as a test draws it: the target, its sources, children of both, and the spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import yaml
from psycopg import sql

from pipelines.core.schema import TableName
from tests.laws.mappings import Rule, columns_spec
from tests.laws.schemas import Column, Table
from tests.laws.values import Kind

NAME = "things"


@dataclass(frozen=True, slots=True)
class Setting:
    """A constant, or an expression, for a target column that no rule writes."""

    column: Column
    written: Any  # as the spec has it
    value: sql.Composed  # over the source row `s`


@dataclass(frozen=True, slots=True)
class Source:
    """One source and its rules; `dropped` says that what no rule names is dropped."""

    table: Table
    new_key: bool
    rules: tuple[Rule, ...]
    unwritten: frozenset[str] = frozenset()  # columns that `rest: same_name` places
    dropped: bool = False
    settings: tuple[Setting, ...] = ()

    def rules_of(self, column: str) -> tuple[Rule, ...]:
        """What writes that target column."""
        return tuple(rule for rule in self.rules if rule.to.name == column)

    def spec(self) -> Mapping[str, Any]:
        """Its entry of `sources:`."""
        entry: dict[str, Any] = {"table": quoted(self.table.name), "key": "new" if self.new_key else "keep"}
        columns = columns_spec(self.rules, unwritten=self.unwritten)
        if columns:
            entry["columns"] = dict(columns)
        if self.dropped:
            entry["rest"] = "drop"
        if self.settings:
            entry["set"] = {setting.column.name: setting.written for setting in self.settings}
        return entry


@dataclass(frozen=True)
class Consolidation:
    """`target` as it is before the fold; `added` come with it. `lookup` is what sources and target may reference."""

    target: Table
    added: tuple[Column, ...]
    drop_not_null: tuple[str, ...]
    sources: tuple[Source, ...]
    children: tuple[Table, ...] = ()
    lookup: Table | None = None

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table, those that others reference first."""
        looked = (self.lookup,) if self.lookup else ()
        return (*looked, self.target, *(source.table for source in self.sources), *self.children)

    @cached_property
    def folded(self) -> Table:
        """The target as it is while the fold is in force."""
        columns = (*self.target.columns, *self.added)
        return Table(self.target.name, columns, self.target.key)

    @cached_property
    def folded_children(self) -> tuple[Table, ...]:
        """The children as they are then: with the target's types where they follow its key."""
        return tuple(self._folded_child(child) for child in self.children)

    def _folded_child(self, child: Table) -> Table:
        (reference,) = child.references
        source = next((s for s in self.sources if s.table.name == reference.to), None)
        if source is None:
            return child
        pairs = dict(zip(reference.columns, reference.to_columns, strict=True))
        columns = tuple(
            replace(c, kind=self._key_kind(source, pairs[c.name])) if c.name in pairs else c for c in child.columns
        )
        return replace(child, columns=columns)

    def _key_kind(self, source: Source, key: str) -> Kind:
        if source.new_key:
            return self.target.column(self.target.key[0]).kind
        return next(rule.to.kind for rule in source.rules if rule.column.name == key)

    @cached_property
    def spec_text(self) -> str:
        """The defs.yaml."""
        attributes: dict[str, Any] = {"target": quoted(self.target.name), "approval": "drop"}
        if self.added:
            attributes["add_columns"] = {column.name: _added(column) for column in self.added}
        if self.drop_not_null:
            attributes["drop_not_null"] = list(self.drop_not_null)
        attributes["sources"] = [source.spec() for source in self.sources]
        document = {"type": "pipelines.Consolidation", "attributes": attributes}
        return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _added(column: Column) -> dict[str, Any]:
    added: dict[str, Any] = {"type": column.kind.type}
    if column.default is not None:
        added["default"] = column.kind.literal(column.default).as_string(None)
    return added


def quoted(name: TableName) -> str:
    """A table as a spec names it."""
    return ".".join(f'"{part}"' if "." in part else part for part in (name.schema, name.name))
