"""Sequences on the way back: the target's as they were, unless later values were used; the sources' past new values."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core.recorded import Recorded, SequenceState
from pipelines.core.schema import OwnedSequence, Table, TableName
from pipelines.core.statement import Statement
from pipelines.database.connection import Connection
from pipelines.database.named_sql import load_sql
from pipelines.steps.back.homeward import Homeward
from pipelines.steps.rows.capture import regclass

_SQL = load_sql("pipelines.steps.back", "sequences_back.sql")


def note(connection: Connection, target: Table) -> tuple[SequenceState, ...]:
    """Where each sequence of the target stands before anything is drawn; those that may not be read are left out."""
    readable = [sequence for sequence in target.counting if sequence.last_value is not None]
    return tuple(_noted(connection, target, sequence) for sequence in readable)


def _noted(connection: Connection, target: Table, sequence: OwnedSequence) -> SequenceState:
    query = sql.SQL(_SQL["note"]).format(relation=sequence.name.identifier, **_rows_of(target, sequence))
    ((last_value, is_called, rows, total),) = connection.execute(query).fetchall()
    return SequenceState(sequence.name, int(str(last_value)), bool(is_called), int(str(rows)), str(total))


def _rows_of(target: Table, sequence: OwnedSequence) -> dict[str, sql.Composable]:
    return {
        "table": target.name.identifier,
        "column": sql.Identifier(sequence.column),
        "beyond": sql.SQL(">" if sequence.increment > 0 else "<"),
    }


def set_back(target: Table, recorded: Recorded) -> Iterator[Statement]:
    """Once the rows that came with the fold are out: where nobody drew since, and later values are those of before."""
    after = {state.name: state for state in recorded.sequences_after}
    for sequence in target.counting:
        before = _before(sequence, recorded)
        if before is not None:
            yield Statement(
                f"set {sequence.name} back to where it stood",
                sql.SQL(_SQL["set_back"]).format(
                    sequence=sql.Literal(regclass(sequence.name)),
                    relation=sequence.name.identifier,
                    last_value=sql.Literal(before.last_value),
                    is_called=sql.Literal(before.is_called),
                    rows=sql.Literal(before.rows_beyond),
                    total=sql.Literal(before.sum_beyond),
                    undisturbed=_undisturbed(after.get(sequence.name)),
                    **_rows_of(target, sequence),
                ),
            )


def _before(sequence: OwnedSequence, recorded: Recorded) -> SequenceState | None:
    noted = [state for state in recorded.sequences_before if state.name == sequence.name]
    if noted:
        return noted[0]
    if sequence.last_value is None:
        return None
    return SequenceState(sequence.name, sequence.last_value, sequence.is_called)


def _undisturbed(after: SequenceState | None) -> sql.Composable:
    """Nobody drew a value since the cut-over; before it, only the rows can tell."""
    if after is None:
        return sql.SQL("true")
    return sql.SQL("q.last_value = {} AND q.is_called = {}").format(
        sql.Literal(after.last_value), sql.Literal(after.is_called)
    )


def pass_edits(home: Homeward) -> Iterator[Statement]:
    """A row that goes home with a value beyond its source's own sequence takes the sequence along."""
    for sequence in home.source.table.counting:
        if sequence.increment > 0:
            name = TableName(home.archived.schema, sequence.name.name) if sequence.owned else sequence.name
            yield Statement(
                f"move {sequence.name} past the values that went home",
                sql.SQL(_SQL["pass_edits"]).format(
                    sequence=sql.Literal(regclass(name)),
                    relation=name.identifier,
                    column=sql.Identifier("h", sequence.column),
                    home=home.table,
                    written=home.is_written(),
                ),
            )
