"""Handing over: what a fold changed of the target and another fold still uses is undone with that other one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pipelines.core.recorded import Recorded, SequenceState
from pipelines.core.schema import Column, TableName


def hand_over(
    to: Recorded,
    target: TableName,
    added: Iterable[str],
    not_null: Iterable[Column],
    sequences: Iterable[SequenceState],
) -> Recorded:
    """What the other fold recorded, as if it had found the target without these changes.

    `added` are columns that it drops in the end, `not_null` columns as they were before they might be NULL,
    `sequences` those of the target as they stood before either fold drew from them.
    """
    was = {column.name: column for column in not_null}
    table = to.schema[target]
    columns = tuple(_as_it_was(column, was.get(column.name)) for column in table.columns)
    tables = {**to.schema.tables, target: replace(table, columns=columns)}
    return replace(
        to,
        schema=replace(to.schema, tables=tables),
        added_columns=tuple(dict.fromkeys((*to.added_columns, *added))),
        dropped_not_null=tuple(dict.fromkeys((*to.dropped_not_null, *was))),
        sequences_before=_earlier(to.sequences_before, sequences),
    )


def _earlier(theirs: tuple[SequenceState, ...], ours: Iterable[SequenceState]) -> tuple[SequenceState, ...]:
    """Of each sequence that they noted, the state with fewer values drawn."""
    before = {state.name: state for state in ours}
    return tuple(min(state, before.get(state.name, state), key=_drawn) for state in theirs)


def _drawn(state: SequenceState) -> tuple[int, bool]:
    return state.last_value, state.is_called


def _as_it_was(column: Column, was: Column | None) -> Column:
    if was is None:
        return column
    return replace(
        column,
        not_null=was.not_null,
        not_null_constraint=was.not_null_constraint,
        not_null_validated=was.not_null_validated,
    )
