"""Call sites and the ring they record into: nothing here waits, raises, or calls the system.

Threads record without a lock. CPython changes threads (and runs signal handlers) only where a function is entered, a
call returns or a loop jumps back; the few statements that count and store have none of these between them, so they
happen as one. They are marked "as one" below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, wraps
from inspect import iscoroutinefunction
from random import randrange
from time import perf_counter
from typing import Any, NamedTuple, ParamSpec, TypeVar

from monitoring.bounds import bounded, cut
from monitoring.correlation import TraceRef, carried_trace
from monitoring.settings import Rate, Rule, Settings, settings
from monitoring.wire import KIND_LENGTH, NAME_LENGTH, Direction, Outcome, Value

P = ParamSpec("P")
R = TypeVar("R")

Attributes = Mapping[str, Value]

clock = perf_counter
"""Seconds, for the beginning of an operation: `started = clock()`."""

_DIRECTIONS = frozenset({"in", "out", "none"})
_BLOCKS = 1024  # positions drawn beforehand; each call site begins at another
_LAST_BLOCK = _BLOCKS - 1


class Record(NamedTuple):
    """What a call site leaves in the ring; `ended` and `started` are readings of `clock`."""

    site: CallSite
    outcome: Outcome
    error_type: str | None
    ended: float
    started: float | None
    size_bytes: int | None
    trace: TraceRef | None
    attributes: Attributes | None
    weight: int


class Ring:
    """The last records not yet taken; what does not fit is counted by kind."""

    __slots__ = ("capacity", "counts", "dropped", "drops", "head", "mask", "slots", "tail")

    def __init__(self) -> None:
        self.dropped: dict[str, int] = {}
        self.close()

    def close(self) -> None:
        """Take nothing more, and forget what is there."""
        self.capacity = self.head = self.tail = self.drops = self.mask = 0
        self.counts: memoryview | list[int] = [0, 0]
        self.slots: list[tuple[Any, ...] | None] = [None]
        for kind in self.dropped:
            self.dropped[kind] = 0

    def open(self, events: int, counts: memoryview | list[int]) -> None:
        """Begin empty with room for at least `events`; records and drops are counted in `counts[0]` and `[1]`."""
        self.close()
        size = 1 << max(events - 1, 1).bit_length()
        self.slots = [None] * size
        self.mask = size - 1
        self.counts = counts
        self.capacity = size

    def put(self, record: tuple[Any, ...], kind: str) -> None:
        """Keep a record, or count it as dropped."""
        head = self.head  # from here to the end as one
        if head - self.tail < self.capacity:
            self.head = head = head + 1
            self.counts[0] = head
            self.slots[head & self.mask] = record
        elif self.capacity:
            self.drops = drops = self.drops + 1
            self.counts[1] = drops
            self.dropped[kind] += 1

    def take(self, most: int) -> list[Record]:
        """The oldest records, at most so many, taken out; one thread alone may take."""
        first = self.tail + 1
        count = min(self.head - self.tail, most)
        start = first & self.mask
        end = min(start + count, len(self.slots))
        taken = self.slots[start:end]
        self.slots[start:end] = [None] * (end - start)
        rest = count - len(taken)
        if rest:
            taken += self.slots[:rest]
            self.slots[:rest] = [None] * rest
        self.tail += count
        return taken  # type: ignore[return-value]  # records are plain tuples: made in a fifth of the time


class CallSite:
    """A place in a program that does one thing, again and again.

    `done` and `failed` are told when the operation began, by `clock`; of those that went well and fast one in `every`
    is recorded and stands for all of them. Which one of each block is drawn by chance, so that no rhythm of the
    application hides from it.
    """

    __slots__ = ("attributes", "block", "direction", "every", "gaps", "kind", "left", "name", "ring", "slow_s")

    def __init__(self, ring: Ring, name: str, kind: str, direction: Direction, rate: Rate, attributes: Attributes):
        self.ring = ring
        self.name = cut(name, NAME_LENGTH)
        self.kind = kind = cut(kind, KIND_LENGTH)
        self.direction: Direction = direction if direction in _DIRECTIONS else "none"
        self.attributes = bounded(attributes)
        self.every = rate.every
        self.slow_s = rate.slow_s if rate.every > 1 else -1.0  # where all are recorded, all count as slow
        ring.dropped.setdefault(kind, 0)
        positions, self.gaps = _draw(rate.every)
        self.block = randrange(_BLOCKS)
        self.left = positions[self.block]

    def done(self, started: float, size_bytes: int | None = None, attributes: Attributes | None = None) -> None:
        """The operation that began at `started` went well."""
        if (ended := perf_counter()) - started < self.slow_s:
            left = self.left  # from here to the return, or to the weight, as one
            if left:
                self.left = left - 1
                return
            block = self.block
            self.block = block + 1
            self.left = self.gaps[block & _LAST_BLOCK]
            weight = self.every
        else:
            weight = 1
        record = (self, "ok", None, ended, started, size_bytes, carried_trace(), attributes, weight)
        ring = self.ring
        head = ring.head  # as one, and as `Ring.put`, whose call would cost a fifth of the whole
        if head - ring.tail < ring.capacity:
            ring.head = head = head + 1
            ring.counts[0] = head
            ring.slots[head & ring.mask] = record
        else:
            ring.put(record, self.kind)

    def failed(self, started: float | None, error: BaseException | str, attributes: Attributes | None = None) -> None:
        """The operation ended with an error, or was cancelled: always recorded, for itself alone."""
        outcome, error_type = _verdict(error)
        self.keep(outcome, error_type, started, None, attributes)

    def note(self, size_bytes: int | None = None, attributes: Attributes | None = None) -> None:
        """Something happened that takes no time; one in `every` is recorded."""
        left = self.left  # from here to the return, or to the last line, as one
        if left:
            self.left = left - 1
            return
        block = self.block
        self.block = block + 1
        self.left = self.gaps[block & _LAST_BLOCK]
        self.keep("ok", None, None, size_bytes, attributes, self.every)

    def keep(
        self,
        outcome: Outcome,
        error_type: str | None = None,
        started: float | None = None,
        size_bytes: int | None = None,
        attributes: Attributes | None = None,
        weight: int = 1,
        trace_id: str | None = None,
    ) -> None:
        """Record, whatever the sampling says; `weight` is how many operations it stands for."""
        trace = trace_id or carried_trace()
        ended = perf_counter()
        self.ring.put((self, outcome, error_type, ended, started, size_bytes, trace, attributes, weight), self.kind)

    @contextmanager
    def measured(self, size_bytes: int | None = None, attributes: Attributes | None = None) -> Iterator[None]:
        """What is within is one operation; an error that leaves it is its outcome."""
        started = perf_counter()
        try:
            yield
        except BaseException as error:
            self.failed(started, error, attributes)
            raise
        self.done(started, size_bytes, attributes)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function, or coroutine function: each call is one operation."""
        if iscoroutinefunction(function):

            @wraps(function)
            async def run_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self.measured():
                    return await function(*args, **kwargs)

            return run_async  # type: ignore[return-value]  # R is the coroutine's type

        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.measured():
                return function(*args, **kwargs)

        return run


class SilentSite(CallSite):
    """A call site where monitoring is off: it does nothing."""

    __slots__ = ()

    def done(self, started: float, size_bytes: int | None = None, attributes: Attributes | None = None) -> None:
        """Nothing."""

    def failed(self, started: float | None, error: BaseException | str, attributes: Attributes | None = None) -> None:
        """Nothing."""

    def note(self, size_bytes: int | None = None, attributes: Attributes | None = None) -> None:
        """Nothing."""

    def keep(self, *_: object, **__: object) -> None:
        """Nothing."""

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The function itself."""
        return function


RING = Ring()
"""The process's ring; closed until `monitoring.start`."""

_events: dict[tuple[str, str, Direction], CallSite] = {}
_MOST_EVENTS = 1_000


def call_site(
    name: str,
    kind: str,
    direction: Direction = "none",
    rule: Rule = Rule.ALL,
    attributes: Attributes | None = None,
    *,
    every: int | None = None,
    ring: Ring = RING,
    settings: Settings | None = None,
) -> CallSite:
    """A call site, made once and kept: `name` is the operation, never an id or a URL.

    `every` overrides the rule's rate; `attributes` are on each of its events.
    """
    here = settings or _settings()
    rate = here.rate(rule)
    if every is not None:
        rate = Rate(max(every, 1), rate.slow_s or here.rate(Rule.READ).slow_s)
    make = CallSite if here.enabled else SilentSite
    return make(ring, name, kind, direction, rate, attributes or {})


def event(
    name: str,
    kind: str,
    direction: Direction = "none",
    outcome: Outcome = "ok",
    error_type: str | None = None,
    started: float | None = None,
    size_bytes: int | None = None,
    attributes: Attributes | None = None,
    trace_id: str | None = None,
) -> None:
    """Record one event of any name, for itself alone; for what happens often a call site is cheaper."""
    key = (name, kind, direction)
    site = _events.get(key)
    if site is None:
        site = call_site(name, kind, direction)
        if len(_events) < _MOST_EVENTS:
            _events[key] = site
    site.keep(outcome, error_type, started, size_bytes, attributes, 1, trace_id)


def _settings() -> Settings:
    return settings()


@cache
def _draw(every: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A position in each block of `every`, and how many operations lie between each of them and the next."""
    positions = tuple(randrange(every) for _ in range(_BLOCKS))
    after = positions[1:] + positions[:1]
    return positions, tuple(every + then - here - 1 for here, then in zip(positions, after, strict=True))


def _verdict(error: BaseException | str) -> tuple[Outcome, str]:
    if isinstance(error, str):
        return "error", error
    kind = type(error)
    cancelled = kind.__name__ in ("CancelledError", "GeneratorExit", "KeyboardInterrupt")
    return ("cancelled" if cancelled else "error"), kind.__qualname__
