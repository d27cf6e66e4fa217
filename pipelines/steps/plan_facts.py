"""Counts and estimates that a plan shows: rows, losses, disk, and how long others wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from pipelines.core.equality import output_of, outputs_differ
from pipelines.core.fold import ChildChange, Fold, Repoint
from pipelines.core.lens import Rule, SourceLens
from pipelines.core.lens_proof import Proof, there
from pipelines.core.mapping_words import Loss
from pipelines.core.plan import ChildFacts, Disk, LockFacts, LossyColumn, Role, TableFacts
from pipelines.core.relations import inverse_of, proof_rows, readable_columns
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from pipelines.steps import cut_over

# Measured on two shared cores, 300k rows (POSTGRES.md): ALTER TYPE USING a function over the row map, and UPDATE.
_TYPE_CHANGE_S = 5e-6
_VALUE_CHANGE_S = 8e-6
_CATALOG_S = 0.01


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """All of them."""

    tables: tuple[TableFacts, ...]
    children: tuple[ChildFacts, ...]
    locks: tuple[LockFacts, ...]
    lossy: tuple[LossyColumn, ...]
    disk: Disk


def read_facts(
    connection: Connection, fold: Fold, sources: Sequence[SourceLens], proofs: Sequence[Proof], *, counted: bool
) -> PlanFacts:
    """Counted where rows may be read, else the planner's estimates; `sources` are those that can be computed."""
    exact = {proof.source: proof.rows for proof in proofs}
    tables = tuple(_tables(connection, fold, exact, counted))
    children = tuple(_children(fold, {facts.table: facts.rows for facts in tables}))
    return PlanFacts(
        tables,
        children,
        tuple(_locks(fold, children)),
        tuple(_lossy(connection, fold, sources)),
        _disk(tables),
    )


def tables_of(fold: Fold) -> dict[TableName, Role]:
    """The target, the sources and the children, with what each is."""
    empty = {table.name for table in fold.lens.empty}
    roles = {fold.lens.target.name: Role.TARGET}
    roles |= {table.name: Role.EMPTY if table.name in empty else Role.SOURCE for table in fold.lens.archived}
    return roles | {child: Role.CHILD for child in fold.children if child not in roles}


def _tables(connection: Connection, fold: Fold, exact: Mapping[TableName, int], counted: bool) -> Iterator[TableFacts]:
    for name, role in tables_of(fold).items():
        table = fold.schema[name]
        rows = exact.get(name)
        if rows is None and counted:
            rows = _count(connection, name)
        yield TableFacts(name, role, table.estimated_rows if rows is None else rows, rows is not None, table.size_bytes)


def _count(connection: Connection, table: TableName) -> int:
    query = sql.SQL("SELECT pg_catalog.count(*) FROM {}").format(table.identifier)
    ((count,),) = connection.execute(query).fetchall()
    return int(str(count))


def _children(fold: Fold, rows: Mapping[TableName, int]) -> Iterator[ChildFacts]:
    for repoint in fold.repoints:
        count = rows.get(repoint.child, 0)
        yield ChildFacts(
            repoint.child,
            tuple(column.column.name for column in repoint.columns),
            repoint.source,
            repoint.change,
            ", ".join(column.column.type.sql for column in repoint.columns),
            ", ".join(column.type.sql for column in repoint.columns),
            repoint.on_delete,
            count,
            _CATALOG_S + count * _per_row_s(repoint),
        )


def _per_row_s(repoint: Repoint) -> float:
    match repoint.change:
        case ChildChange.NONE:
            return 0.0
        case ChildChange.VALUES:
            return _VALUE_CHANGE_S
        case ChildChange.TYPE:
            return _TYPE_CHANGE_S


def _locks(fold: Fold, children: Sequence[ChildFacts]) -> Iterator[LockFacts]:
    """The cut-over holds every lock until its commit, so all wait for the slowest children together."""
    if fold.added or fold.dropped_not_null:
        yield LockFacts("add_columns", fold.lens.target.name, "ACCESS EXCLUSIVE", _CATALOG_S)
    for source in fold.lens.sources:
        yield LockFacts("add_columns", source.name, "SHARE ROW EXCLUSIVE", _CATALOG_S)
    held_s = _CATALOG_S + sum(child.lock_s - _CATALOG_S for child in children)
    for table, mode in sorted(cut_over.lock_modes(fold).items()):
        yield LockFacts("cut_over", table, mode.value, held_s)


def _lossy(connection: Connection, fold: Fold, sources: Sequence[SourceLens]) -> Iterator[LossyColumn]:
    computable = {source.name: source for source in sources}
    for source in fold.lens.sources:
        for rule in source.lossy:
            readable = computable.get(source.name)
            loss = read_loss(connection, readable, rule) if readable is not None else None
            yield LossyColumn(source.name, rule.column.name, None if rule.place is None else str(rule.place), loss)


def read_loss(connection: Connection, source: SourceLens, rule: Rule) -> Loss | None:
    """How many different values do not come back, and what they become if that is one value; None if unknown."""
    if rule.place is not None and rule.place.column not in readable_columns(source):
        return None
    try:
        with connection.transaction():
            ((values, least, most),) = connection.execute(_loss_query(source, rule)).fetchall()
    except psycopg.DataError:
        return None  # the proof has said so
    return Loss(int(str(values)), None if least != most or least is None else str(least))


def _loss_query(source: SourceLens, rule: Rule) -> sql.Composed:
    column = sql.Identifier("s", rule.column.name)
    lost = sql.SQL("{} IS NOT NULL").format(column)
    if rule.inverse is not None and readable_columns(source).issuperset(rule.inverse.columns):
        lost = outputs_differ(column, inverse_of(rule))
    becomes = sql.SQL("NULL") if rule.place is None else there(source, rule)
    return sql.SQL(
        "SELECT pg_catalog.count(DISTINCT {value}), pg_catalog.min({becomes}), pg_catalog.max({becomes})"
        " FROM {rows} WHERE {lost}"
    ).format(
        value=output_of(column),
        becomes=sql.SQL('(({})::pg_catalog.text COLLATE "C")').format(becomes),
        rows=proof_rows(source),
        lost=lost,
    )


def _disk(tables: Sequence[TableFacts]) -> Disk:
    everything = sum(facts.size_bytes for facts in tables)
    coming = sum(facts.size_bytes for facts in tables if facts.role is Role.SOURCE)
    return Disk(everything + coming, coming, coming)
