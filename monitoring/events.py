"""From what a call site left in the ring to the event that is sent: bounded, and of the types that the wire has."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter, time

import msgspec

from monitoring.bounds import MOST, bounded, cut
from monitoring.correlation import TraceRef, as_trace_id, spell_trace
from monitoring.recorder import Attributes, Record
from monitoring.wire import ATTRIBUTES, VALUE_LENGTH, Event, Value

_TRACE_ID_LENGTH = 32
_OUTCOMES = frozenset({"ok", "error", "cancelled"})

_encode = msgspec.json.Encoder().encode


def clock_offset() -> float:
    """What to add to a reading of the recorder's clock for seconds since the epoch, as the machine's clock is now."""
    return time() - perf_counter()


def to_event(record: Record, offset: float) -> Event:
    """The event that a record stands for."""
    site, outcome, error_type, ended, started, size, trace, attributes, weight = record
    return Event(
        at_us=int((ended + offset) * 1e6),
        name=site.name,
        kind=site.kind,
        direction=site.direction,
        outcome=outcome if outcome in _OUTCOMES else "error",
        error_type=None if error_type is None else cut(error_type, VALUE_LENGTH),
        duration_ns=None if started is None else max(int((ended - started) * 1e9), 0),
        size_bytes=size if type(size) is int and 0 <= size <= MOST else None,
        trace_id=None if trace is None else _trace_id(trace),
        weight=weight,
        attributes=_together(site.attributes, attributes) if attributes else site.attributes or None,
    )


def encode_events(events: list[Event]) -> tuple[bytes, list[Event]]:
    """The events as a JSON list, and those that JSON cannot hold (half a surrogate pair in a name)."""
    try:
        return _encode(events), []
    except (ValueError, TypeError, OverflowError):
        good: list[Event] = []
        spoilt: list[Event] = []
        for event in events:
            (good if _is_encodable(event) else spoilt).append(event)
        return _encode(good), spoilt


def count_kinds(events: Iterable[Event]) -> dict[str, int]:
    """How many events there are of each kind."""
    counts: dict[str, int] = {}
    for event in events:
        counts[event.kind] = counts.get(event.kind, 0) + 1
    return counts


def _trace_id(trace: TraceRef) -> str | None:
    trace_id = spell_trace(trace)
    return trace_id if len(trace_id) == _TRACE_ID_LENGTH else as_trace_id(trace_id)


def _together(constant: dict[str, Value], attributes: Attributes) -> dict[str, Value]:
    """A call site's own attributes are bounded already; these come after, as far as there is room."""
    together = {**constant, **bounded(attributes)}
    return together if len(together) <= ATTRIBUTES else dict(list(together.items())[:ATTRIBUTES])


def _is_encodable(event: Event) -> bool:
    try:
        _encode(event)
    except (ValueError, TypeError, OverflowError):
        return False
    return True
