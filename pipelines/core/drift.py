"""Drift: how the catalog differs from what was recorded, where it would keep a fold from being undone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipelines.core.findings import Finding, error, errors, warning
from pipelines.core.fold import Fold
from pipelines.core.schema import Constraint, Schema, Table, TableName


@dataclass(frozen=True, slots=True)
class Catalogs:
    """The fold with the catalog as it was, and the catalog `now`; `archived`: the sources stand in their archive."""

    fold: Fold
    now: Schema
    archived: bool


_LOST = ("missing_table", "missing_column", "column_type", "function_changed")


def is_lost(findings: Iterable[Finding]) -> bool:
    """Whether something that rows are read from or written to is not there as it was."""
    return any(finding.rule in _LOST for finding in errors(findings))


def drift(catalogs: Catalogs) -> Iterator[Finding]:
    """Everything at once; an error would make the rollback fail, a warning is for a person to know."""
    yield from _target(catalogs)
    for table in catalogs.fold.children:
        yield from _child(catalogs, table)
    yield from _parents(catalogs)
    yield from _new_keys(catalogs)
    if catalogs.archived:
        for source in catalogs.fold.lens.archived:
            yield from _archive(catalogs, source)


def _target(catalogs: Catalogs) -> Iterator[Finding]:
    lens = catalogs.fold.lens
    now = catalogs.now.table(lens.target.name)
    if now is None or now.oid != lens.target.oid:
        yield _not_the_same(lens.target, now)
        return
    added = {column.name for column in catalogs.fold.added}
    for column in lens.target.columns:
        if column.name in added and not catalogs.archived:
            continue  # not added yet, perhaps
        yield from _column(lens.target.name, column.name, column.type.sql, now)


def _not_the_same(table: Table, now: Table | None) -> Finding:
    what = "does not exist any more" if now is None else "is not the table that it was"
    remedy = "if it was renamed or moved, give it its name back"
    return error("missing_table", str(table.name), f"{table.name} {what}", remedy)


def _column(table: TableName, name: str, type_sql: str, now: Table) -> Iterator[Finding]:
    column = now.column(name)
    where = f"{table}.{name}"
    if column is None:
        remedy = f"rename it back to {name}; if it was dropped, add it again as {type_sql}"
        yield error("missing_column", where, f"{table} has no column {name} any more", remedy)
    elif column.type.sql != type_sql:
        message = f"column {name} of {table} was {type_sql} and is {column.type.sql} now"
        remedy = f"ALTER TABLE {table} ALTER COLUMN {name} TYPE {type_sql}"
        yield error("column_type", where, message, remedy)


def _child(catalogs: Catalogs, name: TableName) -> Iterator[Finding]:
    was = catalogs.fold.schema[name]
    now = catalogs.now.table(name)
    if now is None or now.oid != was.oid:
        yield _not_the_same(was, now)
        return
    for repoint in catalogs.fold.repoints:
        if repoint.child == name:
            for column in repoint.columns:
                followed = catalogs.archived and column.forward is not None
                type_of = column.type if followed and column.type.sql != column.column.type.sql else column.column.type
                yield from _column(name, column.column.name, type_of.sql, now)


def _parents(catalogs: Catalogs) -> Iterator[Finding]:
    if not catalogs.archived:
        return
    for key in catalogs.fold.outbound:
        references = key.constraint.references
        if references is None or references in catalogs.fold.spec.source_names:
            continue
        now = catalogs.now.table(references)
        if now is None or now.oid != catalogs.fold.schema[references].oid:
            yield _not_the_same(catalogs.fold.schema[references], now)
        elif not _has_key(now, key.constraint.references_columns):
            yield _no_key(key.constraint)


def _has_key(table: Table, columns: tuple[str, ...]) -> bool:
    return any(
        index.unique
        and index.valid
        and index.immediate
        and index.predicate is None
        and set(index.columns) == set(columns)
        for index in table.indexes
    )


def _no_key(constraint: Constraint) -> Finding:
    listed = ", ".join(constraint.references_columns)
    message = f"foreign key {constraint.name} of {constraint.table} needs a unique key on {listed}"
    message += f" of {constraint.references}, which is gone"
    return error("missing_key", str(constraint.references), message, f"make {listed} unique again")


def _new_keys(catalogs: Catalogs) -> Iterator[Finding]:
    fold = catalogs.fold
    known = {(c.table, c.name) for c in fold.schema.inbound} | {
        (r.child, None) for r in fold.repoints if not r.constraint
    }
    for constraint in catalogs.now.inbound_of(fold.lens.target.name):
        if (constraint.table, constraint.name) in known or (constraint.table, None) in known:
            continue
        if constraint.name.endswith("_pgfold"):
            continue
        message = f"foreign key {constraint.name} of {constraint.table} to {constraint.references} is new"
        remedy = "it stays; a row of it that references a row which goes home would stand in the way"
        yield warning("new_key", f"{constraint.table}.{constraint.name}", message, remedy)


def _archive(catalogs: Catalogs, was: Table) -> Iterator[Finding]:
    name = catalogs.fold.archived(was.name)
    now = catalogs.now.table(name)
    if now is None:
        remedy = "pgfold needs it to undo the fold: move it back there if it was moved"
        yield error("missing_table", str(name), f"the archived table {name} is gone", remedy)
        return
    for column in was.columns:
        yield from _column(name, column.name, column.type.sql, now)
    if not any(trigger.name == "pgfold_frozen" and trigger.enabled == "A" for trigger in now.triggers):
        message = f"the archived table {name} is no longer frozen: its trigger pgfold_frozen was dropped or disabled"
        yield warning("not_frozen", str(name), message, "see that nobody wrote to it")
