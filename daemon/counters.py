"""Counters: totals since the daemon's start, by name."""

from __future__ import annotations

from collections import Counter
from enum import Enum


class Count(Enum):
    """What is counted; the value is its name in /metrics without prefix and suffix."""

    FRAMES_REFUSED = "frames_refused"
    BATCHES_STORED = "batches_stored"
    BATCHES_REPEATED = "batches_repeated"
    EVENTS_STORED = "events_stored"
    EVENTS_REFUSED = "events_refused"
    EVENTS_DROPPED = "events_dropped"
    EVENTS_CUT = "events_cut"
    UNKNOWN_FIELDS = "frames_with_unknown_fields"
    REQUESTS_REFUSED = "requests_refused"
    GAPS = "gaps_sent"
    GAP_EVENTS = "gap_events"


class Counters:
    """Used on the event loop; read from anywhere."""

    def __init__(self) -> None:
        self._counts: Counter[Count] = Counter()

    def count(self, what: Count, times: int = 1) -> None:
        """One more, or several."""
        self._counts[what] += times

    def totals(self) -> dict[str, int]:
        """Every count by name, 0 included."""
        return {what.value: self._counts[what] for what in Count}
