"""Cells: what a stretch of time saw of one kind, name, source or outcome, as sums that can be summed further."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import ceil, log
from typing import NamedTuple

import msgspec

from daemon.sketch import PER_LOG, ZERO, Buckets, merge, quantiles
from monitoring.wire import Event

STEPS_S = (1, 10, 60, 3600)
_MICROSECONDS = 1_000_000
_LIFETIME = ".close"  # how long a connection was open is no latency
_TOO_MANY = 1_000  # different values of one dimension
OTHER = "other"


class Dimension(Enum):
    """What `by` may name; the order of `Origin`'s fields."""

    KIND = "kind"
    NAME = "name"
    SOURCE = "source"
    OUTCOME = "outcome"


class Origin(NamedTuple):
    """Which events one cell of a second counts."""

    second: int
    kind: str
    name: str
    source: str
    outcome: str


class Slot(NamedTuple):
    """Which cell of the rollups; `at_s` is a whole multiple of `step_s`."""

    step_s: int
    dimension: str
    at_s: int
    value: str


@dataclass(slots=True)
class Cell:
    """Weighted sums; `sized` and `buckets` count only the operations that carried a size, a duration."""

    operations: int = 0
    errors: int = 0
    events: int = 0
    sized: int = 0
    size_bytes: int = 0
    buckets: Buckets = field(default_factory=dict)

    def add(self, other: Cell) -> None:
        """Count what another cell counted."""
        self.operations += other.operations
        self.errors += other.errors
        self.events += other.events
        self.sized += other.sized
        self.size_bytes += other.size_bytes
        merge(self.buckets, other.buckets)

    @property
    def sampled(self) -> bool:
        """Whether some events stood for several operations."""
        return self.operations > self.events

    @property
    def error_rate(self) -> float | None:
        """0 to 1; None where nothing happened."""
        return self.errors / self.operations if self.operations else None

    def percentiles(self) -> tuple[int | None, int | None, int | None]:
        """p50, p95 and p99 in nanoseconds."""
        p50, p95, p99 = quantiles(self.buckets, (0.5, 0.95, 0.99))
        return p50, p95, p99


Cells = dict[Origin, Cell]


def count_events(source: str, events: Iterable[Event], into: Cells) -> None:
    """Add events of one source to the cells of their seconds. The inner loop of ingest: no calls that can be spared."""
    found = into.get
    for event in events:
        origin = Origin(event.at_us // _MICROSECONDS, event.kind, event.name, source, event.outcome)
        cell = found(origin)
        if cell is None:
            cell = into[origin] = Cell()
        weight = event.weight
        cell.operations += weight
        cell.events += 1
        if event.outcome == "error":
            cell.errors += weight
        size = event.size_bytes
        if size is not None:
            cell.sized += weight
            cell.size_bytes += size * weight
        duration = event.duration_ns
        if duration is not None and not event.name.endswith(_LIFETIME):
            bucket = ceil(log(duration) * PER_LOG) if duration > 0 else ZERO
            buckets = cell.buckets
            buckets[bucket] = buckets.get(bucket, 0) + weight


def by_dimension(cells: Mapping[Origin, Cell], step_s: int) -> Iterator[tuple[Slot, Cell]]:
    """Each cell once a dimension, in the step it belongs to."""
    for origin, cell in cells.items():
        at_s = origin.second - origin.second % step_s
        for place, dimension in enumerate(Dimension, start=1):
            yield Slot(step_s, dimension.value, at_s, str(origin[place])), cell


class Pending:
    """What was counted since the rollups were last written, at every step and by every dimension."""

    def __init__(self) -> None:
        self._cells: Cells = {}
        self._known: dict[Dimension, set[str]] = {dimension: set() for dimension in Dimension}

    def __bool__(self) -> bool:
        return bool(self._cells)

    def add(self, cells: Mapping[Origin, Cell]) -> None:
        """Count cells of a committed transaction."""
        for origin, cell in cells.items():
            bounded = self._bounded(origin)
            mine = self._cells.get(bounded)
            if mine is None:
                mine = self._cells[bounded] = Cell()
            mine.add(cell)

    def slots(self) -> dict[Slot, Cell]:
        """The sums to add to what is written."""
        found: dict[Slot, Cell] = {}
        for step_s in STEPS_S:
            for slot, cell in by_dimension(self._cells, step_s):
                if slot not in found:
                    found[slot] = Cell()
                found[slot].add(cell)
        return found

    def clear(self) -> None:
        """They are written."""
        self._cells = {}

    def _bounded(self, origin: Origin) -> Origin:
        """A dimension with too many values counts the rest as `other`: memory and charts stay bounded."""
        return Origin(origin.second, *(self._value(dimension, str(origin[place]))
                                       for place, dimension in enumerate(Dimension, start=1)))  # fmt: skip

    def _value(self, dimension: Dimension, value: str) -> str:
        known = self._known[dimension]
        if value in known:
            return value
        if len(known) >= _TOO_MANY:
            return OTHER
        known.add(value)
        return value


def pack(buckets: Buckets) -> bytes:
    """As it is kept."""
    return msgspec.msgpack.encode(buckets)


def unpack(packed: bytes) -> Buckets:
    """What `pack` was given."""
    return msgspec.msgpack.decode(packed, type=Buckets)
