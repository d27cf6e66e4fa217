"""What a sender owes the daemon: batches not yet acknowledged, and drops not yet reported."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field

import msgspec

from monitoring.events import clock_offset, count_kinds, encode_events, to_event
from monitoring.recorder import Record, Ring
from monitoring.wire import Event

logger = logging.getLogger("monitoring")

MOST_BATCHES = 16  # unacknowledged; more stay in the ring, whose room is bounded

_decode_events = msgspec.json.Decoder(list[Event]).decode


@dataclass(frozen=True, slots=True)
class Parcel:
    """The content of one batch; its number and the count recorded are written when it is sent."""

    events: bytes
    count: int
    dropped: dict[str, int]

    def payload(self, number: int, recorded: int) -> bytes:
        """The batch as a message; put together by hand, the events are encoded only once."""
        dropped = msgspec.json.encode(self.dropped)
        return b'{"type":"batch","number":%d,"recorded":%d,"dropped":%b,"events":%b}' % (
            number, recorded, dropped, self.events,
        )  # fmt: skip

    def spoilt(self) -> Parcel:
        """The same without the events, which count as dropped."""
        dropped = dict(self.dropped)
        for kind, count in count_kinds(_decode_events(self.events)).items():
            dropped[kind] = dropped.get(kind, 0) + count
        return Parcel(b"[]", 0, dropped)

    @property
    def accounted(self) -> int:
        """How many recorded events it accounts for."""
        return self.count + sum(self.dropped.values())


@dataclass(slots=True)
class Books:
    """The parcels of one source: each recorded event is in the ring, in a parcel, or settled."""

    ring: Ring
    acknowledged: int = 0  # the number of the last batch that is stored
    settled: int = 0  # events and drops in the batches up to it
    settled_ever: int = 0  # the same, with those of a history that the daemon no longer has
    open: deque[Parcel] = field(default_factory=deque)  # the batches after it, in order
    _waiting: deque[Parcel] = field(default_factory=deque)  # made, with no number yet
    _reported: dict[str, int] = field(default_factory=dict)
    _spoilt: dict[str, int] = field(default_factory=dict)

    def next_parcel(self, events: int, size_bytes: int, *, heartbeat: bool) -> tuple[int, Parcel] | None:
        """The next batch and its number, None where there is nothing to say or too much is unacknowledged."""
        if len(self.open) >= MOST_BATCHES:
            return None
        if not self._waiting:
            self._pack(self.ring.take(events), size_bytes, heartbeat)
        if not self._waiting:
            return None
        parcel = self._waiting.popleft()
        self.open.append(parcel)
        return self.acknowledged + len(self.open), parcel

    def settle(self, number: int) -> None:
        """The daemon has stored the batches up to this number."""
        while self.open and self.acknowledged < number:
            self.acknowledged += 1
            accounted = self.open.popleft().accounted
            self.settled += accounted
            self.settled_ever += accounted

    def knows(self, number: int) -> bool:
        """Whether the daemon can have this as its last number: else its history is not the one that we wrote to."""
        return self.acknowledged <= number <= self.acknowledged + len(self.open)

    def begin_anew(self) -> int:
        """Number the batches from 1 again; returns how many events the old books had settled."""
        settled, self.settled, self.acknowledged = self.settled, 0, 0
        return settled

    def spoil_first(self) -> None:
        """Give up the events of the first open batch, which the daemon will not have."""
        if self.open:
            self.open[0] = self.open[0].spoilt()

    @property
    def has_more(self) -> bool:
        """Whether parcels are made that have not been sent."""
        return bool(self._waiting)

    @property
    def is_settled(self) -> bool:
        """Whether the daemon has everything recorded up to now.

        By the counts alone: what the sender has just taken out of the ring is in no list for a moment.
        """
        return self.settled_ever == self.ring.head + self.ring.drops

    def _pack(self, records: list[Record], size_bytes: int, heartbeat: bool) -> None:
        dropped = self._unreported()
        if not (records or dropped or heartbeat):
            return
        events = self._events(records)
        self._split(events, size_bytes)
        dropped = self._unreported()  # with what the encoder could not have
        for kind, count in dropped.items():
            self._reported[kind] = self._reported.get(kind, 0) + count
        if dropped or heartbeat or not self._waiting:
            last = self._waiting.pop() if self._waiting else Parcel(b"[]", 0, {})
            self._waiting.append(Parcel(last.events, last.count, dropped))

    def _events(self, records: list[Record]) -> list[Event]:
        offset = clock_offset()
        events = []
        for record in records:
            try:
                events.append(to_event(record, offset))
            except Exception:  # an attribute of the application's own type may raise anything
                logger.debug("an event of %s could not be read", record[0].name, exc_info=True)
                self._spoil(record[0].kind)
        return events

    def _split(self, events: list[Event], size_bytes: int) -> None:
        content, spoilt = encode_events(events)
        for event in spoilt:
            self._spoil(event.kind)
        if len(content) > size_bytes and len(events) > 1:
            middle = len(events) // 2
            self._split(events[:middle], size_bytes)
            self._split(events[middle:], size_bytes)
        elif events:
            self._waiting.append(Parcel(content, len(events) - len(spoilt), {}))

    def _spoil(self, kind: str) -> None:
        self._spoilt[kind] = self._spoilt.get(kind, 0) + 1

    def _unreported(self) -> dict[str, int]:
        found = {}
        for kind, count in [*self.ring.dropped.items()]:
            fresh = count + self._spoilt.get(kind, 0) - self._reported.get(kind, 0)
            if fresh:
                found[kind] = fresh
        return found
