"""Hub: about every 50 ms one frame of the new events, encoded once for all clients that want the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from daemon.client import PING, Client, Pace, text_frame
from daemon.counters import Count, Counters
from daemon.parts import Panel, StoredRun
from daemon.selection import EVERYTHING, Selection
from monitoring.wire import Gap, Stats

TICK_S = 0.045  # less than the 50 ms of senders: a batch finds the tick before it over, and is sent at once
_LOOK_EVERY_S = 0.25
_FULL_BYTES = 2 * 2**20  # a client with this much unsent is slow
_FULL_LEAST_BYTES = 256 * 1024
_ALL_FULL_BYTES = 256 * 2**20  # all clients together
_EMPTY_BYTES = 64 * 1024
_PING_EVERY_S = 15.0
_SILENT_S = 90.0  # without a word from it, or with a buffer that never empties: it is gone

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Share:
    """What one selection makes of a tick's events."""

    frame: bytes
    events: int


class Hub:
    """Every client of the stream; used on the event loop only."""

    def __init__(self, clock_us: Callable[[], int], counters: Counters) -> None:
        self._clock_us, self._counters = clock_us, counters
        self._fresh: list[StoredRun] = []
        self._panels: list[bytes] = []
        self._position = 1
        self._clients: set[Client] = set()
        self._pinged = time.monotonic()
        self._arrived = asyncio.Event()

    @property
    def position(self) -> int:
        """The number of the next event that no tick has looked at."""
        return self._position

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._clients)

    def begin(self, next_seq: int) -> None:
        """The history goes on with this number."""
        self._position = max(self._position, next_seq)

    def take(self, runs: list[StoredRun]) -> None:
        """Events that were committed."""
        self._fresh.extend(runs)
        self._arrived.set()

    async def wait(self) -> None:
        """Until there is something to send, and no longer than slow clients need to be looked at."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_EVERY_S):
                await self._arrived.wait()

    def add(self, client: Client) -> None:
        """A client that has connected."""
        self._clients.add(client)

    def remove(self, client: Client) -> None:
        """A client that has gone."""
        self._clients.discard(client)

    def join(self, client: Client) -> bool:
        """Let a client live on with the ticks, if it has been told of all that they looked at."""
        if client.position < self._position:
            return False
        client.position = self._position
        client.pace = Pace.LIVE
        return True

    def tick(self) -> None:
        """Send what is new."""
        runs, self._fresh = self._fresh, []
        panels, self._panels = b"".join(self._panels), []
        self._arrived.clear()
        full_bytes = max(_FULL_LEAST_BYTES, min(_FULL_BYTES, _ALL_FULL_BYTES // max(1, len(self._clients))))
        shares: dict[Selection, _Share] = {}
        for client in self._clients:
            reads = client.buffered <= _EMPTY_BYTES
            if client.pace is Pace.SLOW and reads:
                self._tell_gap(client)
            following = panels if reads and client.pace is not Pace.WAITING else b""
            if runs and client.pace in (Pace.LIVE, Pace.SLOW):
                share = shares.get(client.selection)
                if share is None:
                    share = shares[client.selection] = self._share(runs, client.selection)
                self._send(client, share, following, full_bytes)
            elif following:
                client.send(following)
        if runs:
            self._position = runs[-1].first_seq + len(runs[-1].events)
            for client in self._clients:
                if client.pace is Pace.LIVE:
                    client.position = self._position
        self._keep_alive()

    def show(self, panel: Panel | Stats) -> None:
        """Send a panel with the next tick to all that read; a slow one gets a later one."""
        self._panels.append(text_frame(_encode(panel)))
        self._arrived.set()

    def _send(self, client: Client, share: _Share, following: bytes, full_bytes: int) -> None:
        """What goes to a client at once is one call to the system."""
        if client.pace is Pace.SLOW:
            client.missed += share.events
        elif client.buffered > full_bytes:
            client.pace, client.missed_from, client.missed = Pace.SLOW, self._position, share.events
        else:
            client.send(share.frame + following)

    def _tell_gap(self, client: Client) -> None:
        """It reads again: what it missed is named, and it goes on with the ticks."""
        self._counters.count(Count.GAPS)
        self._counters.count(Count.GAP_EVENTS, client.missed)
        client.send(gap_frame(client.missed_from, self._position - 1, client.missed,
                              "this connection took events more slowly than they came"))  # fmt: skip
        client.pace, client.position = Pace.LIVE, self._position

    def _share(self, runs: list[StoredRun], selection: Selection) -> _Share:
        pieces = wanted_of(runs, selection)
        last = runs[-1].first_seq + len(runs[-1].events) - 1
        return _Share(events_frame(self._clock_us(), runs[0].first_seq, last, pieces), len(pieces))

    def _keep_alive(self) -> None:
        now = time.monotonic()
        for client in self._clients:
            if client.buffered <= _EMPTY_BYTES:
                client.emptied = now
        if now - self._pinged < _PING_EVERY_S:
            return
        self._pinged = now
        for client in self._clients:
            if now - min(client.heard, client.emptied) > _SILENT_S:
                client.transport.abort()
            else:
                client.send(PING)


def wanted_of(runs: list[StoredRun], selection: Selection) -> list[bytes]:
    """The JSON of the events that pass."""
    if selection == EVERYTHING:
        return [encoded for run in runs for encoded in run.encoded]
    return [
        encoded
        for run in runs
        for event, encoded in zip(run.events, run.encoded, strict=True)
        if selection.passes(event, run.label)
    ]


def events_frame(now_us: int, first: int, last: int, pieces: list[bytes]) -> bytes:
    """The frame of an Events message, from the JSON of its events."""
    head = b'{"type":"events","now_us":%d,"first":%d,"last":%d,"events":[' % (now_us, first, last)
    return text_frame(head + b",".join(pieces) + b"]}")


def gap_frame(from_: int, to: int, count: int, reason: str) -> bytes:
    """The frame of a Gap message."""
    return text_frame(_encode(Gap(from_=from_, to=to, count=count, reason=reason)))
