"""Which tables can be folded: ordinary, permanent, whole. Everything else is refused by name."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.core.findings import Finding, error
from pipelines.core.names import OWN_SCHEMA
from pipelines.core.schema import Schema, Table, TableKind, TableName
from pipelines.core.spec import Spec

_SYSTEM = ("pg_catalog", "information_schema", "pg_toast")


def table_shapes(spec: Spec, schema: Schema) -> Iterator[Finding]:
    """What is wrong with the target and the sources as tables."""
    for name, role, line in _named(spec):
        table = schema.table(name)
        if table is not None:
            yield from _shape(table, role, line)


def child_shapes(spec: Spec, schema: Schema) -> Iterator[Finding]:
    """Tables of declared keys that are no tables."""
    for rule in spec.foreign_keys:
        table = schema.table(rule.table)
        if table is not None and table.kind not in (TableKind.TABLE, TableKind.PARTITIONED):
            message = f"foreign_keys: {table.name} is a {table.kind}, not a table"
            yield error("shape", str(table.name), message, "name the table that holds the key", rule.line)


def refused_shapes(spec: Spec, schema: Schema) -> frozenset[TableName]:
    """The tables that are refused for what they are; other findings about them would be noise."""
    return frozenset(
        name for name, role, line in _named(spec) if (t := schema.table(name)) and any(_shape(t, role, line))
    )


def _named(spec: Spec) -> Iterator[tuple[TableName, str, int | None]]:
    yield spec.target, "target", spec.target_line
    for source in spec.sources:
        yield source.table, "source", source.line


def system_tables(spec: Spec) -> frozenset[str]:
    """The target and sources that are the server's own: nothing else need be said of such a spec."""
    return frozenset(str(name) for name, _, _ in _named(spec) if name.schema in _SYSTEM)


def _shape(table: Table, role: str, line: int | None) -> Iterator[Finding]:
    if table.name.schema in _SYSTEM:
        yield error("shape", str(table.name), f"{table.name} belongs to the server", "name a table of your own", line)
        return
    for what, remedy in (*_kind(table, role), *_relatives(table), *_keeping(table)):
        yield error("shape", str(table.name), f"{table.name} {what}", remedy, line)


def _kind(table: Table, role: str) -> Iterator[tuple[str, str]]:
    match table.kind:
        case TableKind.TABLE:
            return
        case TableKind.PARTITIONED:
            what = f"is partitioned, which is not supported yet for a {role}"
            yield what, "leave it out, or copy its rows into a plain table first"
        case TableKind.VIEW | TableKind.MATERIALIZED_VIEW:
            yield f"is a {table.kind}, not a table", "name the table that it reads"
        case TableKind.FOREIGN_TABLE:
            yield "is a foreign table: its rows are on another server", "fold it there, or copy it into a table first"
        case TableKind.OTHER:
            yield "is not a table", "name a table"


def _relatives(table: Table) -> Iterator[tuple[str, str]]:
    if table.partition_of is not None:
        yield f"is a partition of {table.partition_of}", "detach it first: ALTER TABLE ... DETACH PARTITION"
    if table.inherits:
        parents = ", ".join(map(str, table.inherits))
        what = f"inherits from {parents}, which is not supported yet"
        yield what, f"detach it first: ALTER TABLE {table.name} NO INHERIT ..."
    if table.inherited_by and table.kind is TableKind.TABLE:
        heirs = ", ".join(map(str, table.inherited_by))
        yield f"is inherited by {heirs}, which is not supported yet", "detach them first: ALTER TABLE ... NO INHERIT"


def _keeping(table: Table) -> Iterator[tuple[str, str]]:
    if table.persistence == "u":
        yield "is unlogged: a crash empties it", f"ALTER TABLE {table.name} SET LOGGED first"
    if table.persistence == "t":
        yield "is temporary: it ends with its session", "name a permanent table"
    schema = table.name.schema
    if schema == OWN_SCHEMA or schema.startswith(f"{OWN_SCHEMA}_"):
        yield "belongs to pgfold", "name a table of your own"
