"""The plan: what a fold would do, what was found out for it, and the hash that an approval names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue, TypeAdapter

from pipelines.core.findings import Finding, errors
from pipelines.core.fold import ChildChange, Fold
from pipelines.core.lens_proof import Proof
from pipelines.core.mapping_words import Loss, MappingFacts
from pipelines.core.schema import Action, ColumnType, FunctionFacts, Schema, Table, TableName
from pipelines.core.spec import Spec
from pipelines.core.statement import Statement

Steps = tuple[tuple[str, tuple[Statement, ...]], ...]

HASH_SHOWN = 6


class Role(StrEnum):
    """What a table is in a plan."""

    TARGET = "target"
    SOURCE = "source"
    EMPTY = "empty"  # a source that must hold no row
    CHILD = "child"


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table of the fold; `rows` is the planner's estimate unless they were `counted`."""

    table: TableName
    role: Role
    rows: int
    counted: bool
    size_bytes: int  # heap, TOAST and indexes


@dataclass(frozen=True, slots=True)
class ChildFacts:
    """A key that is repointed; `lock_s` is how long others wait for its table, by what was measured elsewhere."""

    table: TableName
    columns: tuple[str, ...]
    source: TableName
    change: ChildChange
    type_before: str
    type_after: str
    on_delete: Action
    rows: int
    lock_s: float


@dataclass(frozen=True, slots=True)
class LockFacts:
    """The strongest lock on a table in one step, and about how long it is held."""

    step: str
    table: TableName
    mode: str
    held_s: float


@dataclass(frozen=True, slots=True)
class LossyColumn:
    """A column that loses something; `loss` is None where the rows were not read."""

    source: TableName
    column: str
    place: str | None
    loss: Loss | None


@dataclass(frozen=True, slots=True)
class Disk:
    """What is needed at most: two backups, uncompressed; staging; and what the target grows by."""

    backup_bytes: int
    staging_bytes: int
    target_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that `pgfold plan` finds out; `fold` is None where the spec and the catalog make none.

    `proofs`, one for each source, is empty for a quick plan, and a source that could not be proven is left out.
    """

    spec: Spec
    fold: Fold | None
    findings: tuple[Finding, ...]
    hash: str
    seconds: float
    quick: bool = False
    added_types: Mapping[str, ColumnType] = field(default_factory=dict)
    functions: tuple[FunctionFacts, ...] = ()
    tables: tuple[TableFacts, ...] = ()
    proofs: tuple[Proof, ...] = ()
    children: tuple[ChildFacts, ...] = ()
    locks: tuple[LockFacts, ...] = ()
    lossy: tuple[LossyColumn, ...] = ()
    disk: Disk = Disk(0, 0, 0)
    steps: Steps = ()

    @property
    def refused(self) -> bool:
        """Whether an error stands in the way."""
        return bool(errors(self.findings))

    @property
    def rows(self) -> int:
        """The sources' rows together."""
        return sum(t.rows for t in self.tables if t.role is Role.SOURCE)

    @property
    def short_hash(self) -> str:
        """As a person is shown it."""
        return self.hash[:HASH_SHOWN]

    @property
    def proof_s(self) -> float:
        """How long the proofs took together."""
        return sum(proof.took_s for proof in self.proofs)

    @property
    def privileges(self) -> tuple[str, ...]:
        """The statements that would give what the role lacks; empty where it has all."""
        return self.fold.schema.server.missing_privileges if self.fold is not None else ()

    def facts(self, table: TableName) -> TableFacts | None:
        """What is known of a table."""
        return next((t for t in self.tables if t.table == table), None)

    @property
    def mapping_facts(self) -> MappingFacts:
        """The counts beside the mapping; those that were only estimated are left out."""
        counted = {t.table: t.rows for t in self.tables if t.counted}
        target = counted.get(self.spec.target)
        rows = {name: count for name, count in counted.items() if name != self.spec.target}
        losses = {(c.source, c.column): c.loss for c in self.lossy if c.loss is not None and c.loss.values}
        coming = [rows.get(t.table) for t in self.tables if t.role is Role.SOURCE]
        after = None if target is None or None in coming else target + sum(c for c in coming if c is not None)
        added = tuple(column.name for column in self.fold.added) if self.fold is not None else ()
        return MappingFacts(rows, target, after, losses, added)


def plan_hash(spec: Spec, schema: Schema, functions: Sequence[FunctionFacts], steps: Steps) -> str:
    """A sha256 of what an approval is about: the spec as written, the catalog, the functions called, and the SQL.

    Row counts, sizes, positions of sequences, oids and the server's version are left out: they change by themselves.
    """
    parts = (
        spec.name,
        spec.text,
        _stable(TypeAdapter(tuple[Table, ...]).dump_python(tuple(schema.tables.values()), mode="json")),
        _stable(TypeAdapter(Schema).dump_python(_without_tables(schema), mode="json")),
        _stable(TypeAdapter(tuple[FunctionFacts, ...]).dump_python(tuple(functions), mode="json")),
        [[name, [statement.text() for statement in statements]] for name, statements in steps],
    )
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _without_tables(schema: Schema) -> Schema:
    return Schema({}, schema.inbound, schema.dependents)


_PASSING = frozenset({"oid", "estimated_rows", "size_bytes", "last_value", "is_called"})


def _stable(value: JsonValue) -> JsonValue:
    match value:
        case dict():
            return {key: _stable(item) for key, item in value.items() if key not in _PASSING}
        case list():
            return [_stable(item) for item in value]
        case _:
            return value
