"""Admission: which events of a batch are kept. Too long is cut, what cannot be true is refused; both are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite

from monitoring.wire import ATTRIBUTES, KEY_LENGTH, KIND_LENGTH, NAME_LENGTH, VALUE_LENGTH, Event, Value

AHEAD_US = 5 * 60 * 1_000_000  # how far a clock may be ahead of ours
_LARGEST = 2**53  # what a page's numbers hold exactly
_LARGEST_WEIGHT = 1_000_000_000
_HEX = frozenset("0123456789abcdef")
_NO_TRACE = "0" * 32


@dataclass(frozen=True, slots=True)
class Window:
    """Times that can be true now."""

    oldest_us: int
    newest_us: int


@dataclass(slots=True)
class Admitted:
    """The events to keep, how many fields were cut, and by kind how many events were refused, with the first reason."""

    events: list[Event] = field(default_factory=list)
    cut: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    reason: str | None = None

    def refuse(self, kind: str, reason: str) -> None:
        """Count an event that is not kept."""
        self.refused[kind[:KIND_LENGTH]] += 1
        self.reason = self.reason or reason


def admit(events: Iterable[Event], window: Window) -> Admitted:
    """Sort the events of a batch; they are changed in place where something is cut."""
    admitted = Admitted()
    for event in events:
        reason = _untrue(event, window)
        if reason is not None:
            admitted.refuse(event.kind, reason)
            continue
        if len(event.name) > NAME_LENGTH or len(event.kind) > KIND_LENGTH or len(event.error_type or "") > NAME_LENGTH:
            _cut_names(event, admitted)
        if event.attributes:
            _check_attributes(event, admitted)
        admitted.events.append(event)
    return admitted


def _untrue(event: Event, window: Window) -> str | None:
    if not window.oldest_us <= event.at_us <= window.newest_us:
        return _untimely(event, window)
    if not event.name or not event.kind:
        return "an event needs a name and a kind"
    if not 1 <= event.weight <= _LARGEST_WEIGHT:
        return f"weight {event.weight}: an event stands for 1 operation or more"
    if event.duration_ns is not None and not 0 <= event.duration_ns <= _LARGEST:
        return f"duration_ns {event.duration_ns} is no duration"
    if event.size_bytes is not None and not 0 <= event.size_bytes <= _LARGEST:
        return f"size_bytes {event.size_bytes} is no size"
    if event.trace_id is not None and not _is_trace(event.trace_id):
        return "a trace_id has 32 lower-case hexadecimal digits, not all 0"
    return None


def _untimely(event: Event, window: Window) -> str:
    if event.at_us > window.newest_us:
        ahead_s = (event.at_us - window.newest_us + AHEAD_US) // 1_000_000
        return f"at_us lies {ahead_s} s in the future: set the clock of that machine, or of this"
    return "at_us lies before anything the history keeps (HISTORY_MAX_AGE)"


def _is_trace(trace_id: str) -> bool:
    return len(trace_id) == 32 and _HEX.issuperset(trace_id) and trace_id != _NO_TRACE


def _cut_names(event: Event, admitted: Admitted) -> None:
    event.name, event.kind = event.name[:NAME_LENGTH], event.kind[:KIND_LENGTH]
    event.error_type = event.error_type and event.error_type[:NAME_LENGTH]
    admitted.cut += 1


def _check_attributes(event: Event, admitted: Admitted) -> None:
    attributes = event.attributes or {}
    if len(attributes) <= ATTRIBUTES and not any(_is_long(key, value) for key, value in attributes.items()):
        return
    kept = list(attributes.items())[:ATTRIBUTES]
    event.attributes = {key[:KEY_LENGTH]: _bounded(value) for key, value in kept}
    admitted.cut += 1


def _is_long(key: str, value: Value) -> bool:
    if type(value) is str:
        return len(value) > VALUE_LENGTH or len(key) > KEY_LENGTH
    return len(key) > KEY_LENGTH or not -_LARGEST <= value <= _LARGEST  # type: ignore[operator]


def _bounded(value: Value) -> Value:
    if isinstance(value, str):
        return value[:VALUE_LENGTH]
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value if -_LARGEST <= value <= _LARGEST else str(value)[:VALUE_LENGTH]
