"""Rollups: the sums that charts are drawn from, written beside the events they count.

They are written every few seconds together with the number of the last event they count; what a crash left out is
counted again from the events at the next start. So charts and history never disagree for longer than that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple, cast

from daemon.cells import STEPS_S, Cell, Cells, Dimension, Pending, count_events, pack, unpack
from daemon.named_sql import load_sql
from monitoring.wire import Event, Outcome

_SQL = load_sql("daemon", "history.sql")

KEPT_S = {1: 2 * 3600, 10: 26 * 3600, 60: 8 * 86_400, 3600: 400 * 86_400}
_AT_ONCE = 5_000


class Summed(NamedTuple):
    """One cell of a series."""

    at_s: int
    value: str
    cell: Cell


def write_rollups(connection: sqlite3.Connection, pending: Pending, rolled_up: int) -> None:
    """Add what is pending to what is written; to be called within a transaction."""
    for slot, cell in pending.slots().items():
        written = connection.execute(_SQL["rollup"], slot).fetchone()
        if written is not None:
            cell.add(_cell(written))
        connection.execute(_SQL["put_rollup"], (*slot, *_row(cell)))
    connection.execute(_SQL["rolled_up"], {"rolled_up": rolled_up})


def recount(connection: sqlite3.Connection, after: int, pending: Pending) -> None:
    """Count the events that were stored but not yet rolled up."""
    rows = connection.execute(_SQL["to_roll_up"], {"after": after})
    while found := rows.fetchmany(_AT_ONCE):
        cells: Cells = {}
        for at_us, kind, name, outcome, duration_ns, size_bytes, weight, label in found:
            event = Event(at_us=at_us, kind=kind, name=name, outcome=cast(Outcome, outcome),
                          duration_ns=duration_ns, size_bytes=size_bytes, weight=weight)  # fmt: skip
            count_events(label, [event], cells)
        pending.add(cells)


def forget_rollups(connection: sqlite3.Connection, now_s: int) -> None:
    """Drop what no chart draws any more."""
    for step_s in STEPS_S:
        named = {"step_s": step_s, "before_s": now_s - KEPT_S[step_s]}
        connection.execute(_SQL["old_rollups"], named)


def base_step(step_s: int, from_s: int, now_s: int) -> int:
    """The coarsest step kept that makes up `step_s` and reaches back to `from_s`."""
    fitting = [base for base in STEPS_S if step_s % base == 0]
    reaching = [base for base in fitting if from_s >= now_s - KEPT_S[base]]
    return max(reaching or fitting)


def read_series(
    connection: sqlite3.Connection, dimension: Dimension, span: tuple[int, int], step_s: int, base_s: int
) -> Iterator[Summed]:
    """Cells of `step_s`, summed up from those of `base_s`, for `span` (from, to) in seconds, in order of time."""
    named = {"step_s": base_s, "dimension": dimension.value, "from_s": span[0], "to_s": span[1]}
    summed: dict[tuple[int, str], Cell] = {}
    for at_s, value, *sums in connection.execute(_SQL["series"], named):
        place = (at_s - at_s % step_s, value)
        if place in summed:
            summed[place].add(_cell(sums))
        else:
            summed[place] = _cell(sums)
    for (at_s, value), cell in summed.items():
        yield Summed(at_s, value, cell)


def _row(cell: Cell) -> tuple[int, int, int, int, int, bytes]:
    return cell.operations, cell.errors, cell.events, cell.sized, cell.size_bytes, pack(cell.buckets)


def _cell(row: list[object] | tuple[object, ...]) -> Cell:
    operations, errors, events, sized, size_bytes, buckets = cast(tuple[int, int, int, int, int, bytes], tuple(row))
    return Cell(operations, errors, events, sized, size_bytes, unpack(buckets))
