"""Blocks: a summary of each few thousand events, so that a search reads only the stretches that can hold an answer.

Events are kept in one table in order of their number and without an index: writing is appending, forgetting the oldest
is cutting off. An index on random trace ids or on words would touch a page an event; a block costs a row each 4,096.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from daemon.selection import words_of
from monitoring.wire import Event

BLOCK_EVENTS = 4096
TRACE_BYTES = 8  # of a trace id's sixteen: enough to tell a block that has it from nearly all that have not
SEPARATOR = "\n"


@dataclass(frozen=True, slots=True)
class Block:
    """What events `first_seq` to `last_seq` hold; lists of words have the separator before, between and after them."""

    first_seq: int
    last_seq: int
    from_us: int
    to_us: int
    kinds: str
    outcomes: str
    sources: str
    traces: bytes
    words: str


@dataclass(slots=True)
class OpenBlock:
    """The block being filled."""

    first_seq: int
    events: int = 0
    from_us: int = 2**62
    to_us: int = 0
    kinds: set[str] = field(default_factory=set)
    outcomes: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    traces: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)

    @property
    def room(self) -> int:
        """How many more events it takes."""
        return BLOCK_EVENTS - self.events

    def add(self, source: str, events: list[Event]) -> None:
        """Take in the next events, at most `room`."""
        self.events += len(events)
        self.sources.add(source)
        times = [event.at_us for event in events]
        self.from_us, self.to_us = min(self.from_us, *times), max(self.to_us, *times)
        self.kinds.update([event.kind for event in events])
        self.outcomes.update([event.outcome for event in events])
        self.traces.update([event.trace_id for event in events if event.trace_id])
        for event in events:
            self.words.update(words_of(event, source))

    def close(self) -> Block:
        """Its summary."""
        return Block(
            first_seq=self.first_seq,
            last_seq=self.first_seq + self.events - 1,
            from_us=self.from_us,
            to_us=self.to_us,
            kinds=_joined(self.kinds),
            outcomes=_joined(self.outcomes),
            sources=_joined(self.sources),
            traces=b"".join(trace_key(trace) for trace in self.traces),
            words=_joined({word.casefold() for word in self.words}),
        )


def trace_key(trace_id: str) -> bytes:
    """What a block keeps of a trace id."""
    return bytes.fromhex(trace_id[: 2 * TRACE_BYTES])


def _joined(words: Iterable[str]) -> str:
    return f"{SEPARATOR}{SEPARATOR.join(sorted(words))}{SEPARATOR}"
