"""Traces: one request across kinds, with a sentence that says what it became."""

from __future__ import annotations

from collections import Counter

from monitoring.wire import StoredEvent, Trace


def trace_answer(trace_id: str, events: list[StoredEvent]) -> Trace:
    """Events in the order they began; the duration is from the first beginning to the last end."""
    began_ns = min((event.at_us * 1000 - (event.duration_ns or 0) for event in events), default=0)
    ended_ns = max((event.at_us * 1000 for event in events), default=0)
    return Trace(
        trace_id=trace_id,
        events=events,
        duration_ns=ended_ns - began_ns if events else None,
        sentence=_sentence(events),
    )


def _sentence(events: list[StoredEvent]) -> str:
    if not events:
        return "No event of this request is kept."
    kinds = Counter(event.kind for event in events)
    parts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    errors = sum(event.outcome == "error" for event in events)
    failed = f", {errors} of them failed" if errors else ""
    sampled = "; calls that were not sampled are not among them" if any(event.weight > 1 for event in events) else ""
    return f"{len(events)} {'event' if len(events) == 1 else 'events'}: {parts}{failed}{sampled}."
