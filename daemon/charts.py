"""Charts: series of points from the rollups. Time that nobody measured has no points; measured quiet time has zeros."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daemon.books import Book
from daemon.cells import Cell, Dimension
from daemon.named_sql import load_sql
from daemon.questions import SeriesAsked
from daemon.rollups import base_step, read_series
from monitoring.wire import MissingTime, SeriesPoint, StatsAnswer

_SQL = load_sql("daemon", "history.sql")
_MICROSECONDS = 1_000_000
_MOST_VALUES = 100  # series of one chart; those with the most operations

SETTLED_S = 3  # events arrive and are summed up within this time
_SHORTEST_BEGUN_S = 30

Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Covered:
    """When each process was measured, in microseconds, and what is known of each."""

    stretches: Mapping[int, list[Stretch]]
    books: Mapping[int, Book]

    def of(self, dimension: Dimension, value: str) -> list[Stretch]:
        """When somebody would have counted this value: whoever was seen to, for kinds and sources; anybody, else."""
        match dimension:
            case Dimension.KIND:
                numbers = [number for number, book in self.books.items() if value in book.kinds]
            case Dimension.SOURCE:
                numbers = [number for number, book in self.books.items() if book.label == value]
            case Dimension.NAME | Dimension.OUTCOME:
                numbers = list(self.books)
        return joined(stretch for number in numbers for stretch in self.stretches.get(number, []))

    def values(self, dimension: Dimension, span: Stretch) -> set[str]:
        """Kinds and sources that were measured in `span` (seconds), whether they did something or not."""
        from_us, to_us = span[0] * _MICROSECONDS, span[1] * _MICROSECONDS
        measured = [self.books[number] for number, stretches in self.stretches.items() if number in self.books
                    and any(begin < to_us and end > from_us for begin, end in stretches)]  # fmt: skip
        match dimension:
            case Dimension.KIND:
                return {kind for book in measured for kind in book.kinds}
            case Dimension.SOURCE:
                return {book.label for book in measured}
            case Dimension.NAME | Dimension.OUTCOME:
                return set()

    def anybody(self) -> list[Stretch]:
        """When at least one process was measured."""
        return joined(stretch for stretches in self.stretches.values() for stretch in stretches)


def read_covered(connection: sqlite3.Connection, books: Mapping[int, Book], now: Mapping[int, int]) -> Covered:
    """`now` is until when connected processes are known to be measured."""
    stretches: dict[int, list[Stretch]] = {}
    for number, from_us, to_us in connection.execute(_SQL["coverage"]):
        stretches.setdefault(number, []).append((from_us, to_us))
    for number, until_us in now.items():
        if stretches.get(number):
            from_us, to_us = stretches[number][-1]
            stretches[number][-1] = (from_us, max(to_us, until_us))
    return Covered(stretches, books)


def read_chart(connection: sqlite3.Connection, asked: SeriesAsked, covered: Covered, now_s: int) -> StatsAnswer:
    """The answer of /api/stats."""
    base_s = base_step(asked.step_s, asked.from_s, now_s)
    span = (asked.from_s, asked.to_s)
    cells: dict[str, dict[int, Cell]] = {}
    for summed in read_series(connection, asked.by, span, asked.step_s, base_s):
        cells.setdefault(summed.value, {})[summed.at_s] = summed.cell
    for value in covered.values(asked.by, span):
        cells.setdefault(value, {})
    shown = sorted(cells, key=lambda value: -sum(cell.operations for cell in cells[value].values()))[:_MOST_VALUES]
    points = [point for value in sorted(shown)
              for point in _points(asked, value, cells[value], covered.of(asked.by, value), now_s)]  # fmt: skip
    span_us = (asked.from_s * _MICROSECONDS, min(asked.to_s, now_s - SETTLED_S) * _MICROSECONDS)
    missing = [MissingTime(from_us=from_us, to_us=to_us, reason="no process was connected or sent this time later")
               for from_us, to_us in gaps(covered.anybody(), span_us)]  # fmt: skip
    return StatsAnswer(from_us=asked.from_s * _MICROSECONDS, to_us=asked.to_s * _MICROSECONDS, step_s=asked.step_s,
                       points=points, missing=missing)  # fmt: skip


def _points(
    asked: SeriesAsked, value: str, cells: Mapping[int, Cell], stretches: list[Stretch], now_s: int
) -> list[SeriesPoint]:
    quiet = _measured_steps(asked, stretches) - cells.keys()
    steps = {**{at_s: Cell() for at_s in quiet if at_s + asked.step_s <= now_s - SETTLED_S}, **cells}
    lengths = {at_s: length_of_step(asked.step_s, at_s, now_s) for at_s in steps}
    return [_point(asked, value, at_s, steps[at_s], length) for at_s, length in sorted(lengths.items()) if length]


def length_of_step(step_s: int, at_s: int, now_s: int) -> int | None:
    """How long a step has been counted: whole once its events had time to arrive, else so far; None where too short.

    A rate over the whole of a step that has only begun would be too small.
    """
    if at_s + step_s <= now_s - SETTLED_S:
        return step_s
    so_far_s = now_s - 1 - at_s  # of the last second, most has not arrived
    return so_far_s if so_far_s >= _SHORTEST_BEGUN_S else None


def _measured_steps(asked: SeriesAsked, stretches: list[Stretch]) -> set[int]:
    """The steps that were measured from their beginning to their end."""
    found: set[int] = set()
    for from_us, to_us in stretches:
        first = max(-(-from_us // _MICROSECONDS), asked.from_s)
        first += -first % asked.step_s
        last = min(to_us // _MICROSECONDS, asked.to_s)
        found.update(range(first, last - asked.step_s + 1, asked.step_s))
    return found


def _point(asked: SeriesAsked, value: str, at_s: int, cell: Cell, length_s: int) -> SeriesPoint:
    p50, p95, p99 = cell.percentiles()
    point = SeriesPoint(at_us=at_s * _MICROSECONDS, step_s=length_s, operations=cell.operations,
                        errors=cell.errors, p50_ns=p50, p95_ns=p95, p99_ns=p99)  # fmt: skip
    match asked.by:
        case Dimension.KIND:
            point.kind = value
        case Dimension.NAME:
            point.name = value
        case Dimension.SOURCE:
            point.source = value
        case Dimension.OUTCOME:
            point.outcome = value
    return point


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same time in the fewest stretches, in order; those less than a second apart are one."""
    found: list[Stretch] = []
    for from_us, to_us in sorted(stretches):
        if found and from_us <= found[-1][1] + _MICROSECONDS:
            found[-1] = (found[-1][0], max(found[-1][1], to_us))
        else:
            found.append((from_us, to_us))
    return found


def gaps(stretches: list[Stretch], span: Stretch) -> list[Stretch]:
    """What of `span` lies in no stretch, where it is longer than two seconds."""
    found: list[Stretch] = []
    reached = span[0]
    for from_us, to_us in [*stretches, (span[1], span[1])]:
        until = min(from_us, span[1])
        if until - reached > 2 * _MICROSECONDS:
            found.append((reached, until))
        reached = max(reached, to_us)
    return found
