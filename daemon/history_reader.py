"""History reader: pages of events, newest first or in order, read block by block where something is sought."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from daemon.blocks import trace_key
from daemon.event_rows import from_row
from daemon.named_sql import load_sql
from daemon.selection import EVERYTHING, Selection, contains
from monitoring.wire import StoredEvent

_SQL = load_sql("daemon", "history.sql")

_COUNT_S = 0.5
_SEARCH_S = 4.0  # a search goes on from its cursor after this long
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789 .:+-_/@#")  # as it is in JSON, and SQLite folds its case
_LARGEST_SEQ = 2**62
_encode_words = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Held:
    """What the history has; both numbers 0 where it is empty."""

    oldest: int
    latest: int
    oldest_us: int | None

    @property
    def events(self) -> int:
        """How many: numbers have no holes."""
        return self.latest - self.oldest + 1 if self.latest else 0


@dataclass(frozen=True, slots=True)
class Found:
    """Events in the order asked for; `reached` is the last number looked at, None where there is nothing beyond."""

    events: list[StoredEvent]
    reached: int | None


def read_held(connection: sqlite3.Connection) -> Held:
    """What there is now."""
    return Held(*connection.execute(_SQL["bounds"]).fetchone())


def read_back(connection: sqlite3.Connection, wanted: Selection, below: int | None, limit: int) -> Found:
    """The newest events, of those with a number below `below`."""
    last = _LARGEST_SEQ if below is None else below - 1
    stretches = _stretches_back(connection, wanted, last)
    return _collect(connection, "range_back", wanted, stretches, limit)


def read_on(connection: sqlite3.Connection, wanted: Selection, first: int, last: int | None, limit: int) -> Found:
    """The events from number `first` on, in order."""
    stretches = _stretches_on(connection, wanted, first, _LARGEST_SEQ if last is None else last)
    return _collect(connection, "range", wanted, stretches, limit)


def read_count(connection: sqlite3.Connection, wanted: Selection) -> int | None:
    """How many events there are of these; None where counting would keep a page waiting."""
    until = time.monotonic() + _COUNT_S
    passes, total = _text_filter(wanted), 0
    for first, last in _stretches_back(connection, wanted, _LARGEST_SEQ):
        between = {**_named(wanted), "first": first, "last": last}
        if wanted.text is None:
            (found,) = connection.execute(_SQL["count"], between).fetchone()
        else:
            found = sum(passes(from_row(row)) for row in connection.execute(_SQL["range"], between))
        total += found
        if time.monotonic() > until:
            return None
    return total


def read_trace(connection: sqlite3.Connection, trace_id: str, limit: int) -> list[StoredEvent]:
    """The events of one request in the order they began."""
    found = read_back(connection, Selection(trace_id=trace_id), None, limit)
    return sorted(found.events, key=lambda event: (event.at_us - (event.duration_ns or 0) // 1000, event.seq))


def _stretches_back(connection: sqlite3.Connection, wanted: Selection, last: int) -> Iterator[tuple[int, int]]:
    """Pairs of first and last number, newest first, outside which nothing that is wanted lies."""
    if wanted == EVERYTHING:
        yield 0, last
        return
    summarised = _summarised(connection)
    if last > summarised:
        yield summarised + 1, last
    for first, block_last in reversed(_candidates(connection, wanted, 0, last)):
        yield first, min(block_last, last)


def _stretches_on(
    connection: sqlite3.Connection, wanted: Selection, first: int, last: int
) -> Iterator[tuple[int, int]]:
    if wanted == EVERYTHING:
        yield first, last
        return
    summarised = _summarised(connection)
    for block_first, block_last in _candidates(connection, wanted, first, last):
        yield max(block_first, first), min(block_last, last)
    if last > summarised:
        yield max(summarised + 1, first), last


def _summarised(connection: sqlite3.Connection) -> int:
    (last,) = connection.execute(_SQL["summarised"]).fetchone()
    return int(last)


def _candidates(connection: sqlite3.Connection, wanted: Selection, first: int, last: int) -> list[tuple[int, int]]:
    key = None if wanted.trace_id is None else trace_key(wanted.trace_id)
    named = {**_named(wanted), "first": first, "last": last, "trace_key": key, "text": wanted.text}
    return connection.execute(_SQL["candidates"], named).fetchall()


def _collect(
    connection: sqlite3.Connection,
    statement: str,
    wanted: Selection,
    stretches: Iterator[tuple[int, int]],
    limit: int,
) -> Found:
    until = time.monotonic() + _SEARCH_S
    passes = _text_filter(wanted)
    events: list[StoredEvent] = []
    for first, last in stretches:
        rows = connection.execute(_SQL[statement], {**_named(wanted), "first": first, "last": last})
        for row in rows:
            event = from_row(row)
            if passes(event):
                events.append(event)
                if len(events) >= limit:
                    return Found(events, event.seq)
        if time.monotonic() > until:
            return Found(events, first if statement == "range_back" else last)
    return Found(events, None)


def _text_filter(wanted: Selection) -> Callable[[StoredEvent], bool]:
    text = wanted.text
    if text is None:
        return lambda _: True
    return lambda event: contains(event, event.source, text)


def _named(wanted: Selection) -> dict[str, str | int | bytes | None]:
    return {
        "kinds": _words(wanted.kinds),
        "outcomes": _words(wanted.outcomes),
        "sources": _words(wanted.sources),
        "trace": None if wanted.trace_id is None else bytes.fromhex(wanted.trace_id),
        "after_us": wanted.after_us,
        "before_us": wanted.before_us,
        "plain_text": wanted.text if wanted.text and _PLAIN.issuperset(wanted.text) else None,
    }


def _words(words: frozenset[str] | None) -> str | None:
    return None if words is None else _encode_words(words).decode()
