"""Core: from what arrives to what is shown. Everything here is used on the event loop only."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby

from daemon.books import Book
from daemon.calls import CallBook
from daemon.cells import Cells, count_events
from daemon.counters import Count, Counters
from daemon.errors import HistoryUnavailable
from daemon.history import History, Listener
from daemon.history_reader import Held, read_back
from daemon.history_writer import Begun, Committed
from daemon.hub import TICK_S, Hub
from daemon.ingest import Ingest
from daemon.listening import Turned
from daemon.live import Live
from daemon.parts import Board, StoredRun, View, WriterState
from daemon.retention import Bounds
from daemon.selection import EVERYTHING, Selection
from daemon.semaphores import SemaphoreBook
from daemon.settings import Settings
from daemon.sources import sources_message
from daemon.stream import Stream
from monitoring.wire import Stats, StoredEvent, StreamHello

_SECOND_S = 1.0
_REPLAYED = 20_000
_REPEAT_S = 5.0  # panels are sent again, so that a page that missed one has it soon
_log = logging.getLogger(__name__)


class Core:
    """The history with what feeds it and what it feeds."""

    def __init__(self, settings: Settings, clock_us: Callable[[], int]) -> None:
        self.settings, self.clock_us = settings, clock_us
        self.counts, self.turned, self.board = Counters(), Turned(), Board()
        self.books: dict[int, Book] = {}
        self.live = Live(clock_us)
        self.hub = Hub(clock_us, self.counts)
        bounds = Bounds(settings.history_max_age_s, settings.history_max_bytes)
        self.history = History(settings.history, bounds, clock_us, Listener(self._begun, self._committed))
        self.ingest = Ingest(self.history, self.counts, self._show_sources)
        self.stream = Stream(self.history, self.hub, self.board, self.counts, clock_us=clock_us,
                             hello=self.hello, stats=self.stats)  # fmt: skip
        self.semaphores, self.calls = SemaphoreBook(), CallBook(clock_us)
        self.view = View(settings, self.board, self.recent)
        self.view.listen(self.semaphores.hear)
        self.view.listen(self.calls.hear)
        self.title: str | None = None
        self._instance = ""
        self.board.watch(self.hub.show)

    def say_title(self, title: str) -> None:
        """What the page is about: a database with its version."""
        self.title = title

    def writer(self) -> WriterState:
        """How the history's writer is."""
        return self.history.state

    def counters(self) -> dict[str, int]:
        """Totals since the start."""
        return {**self.counts.totals(), "connections_turned_away": self.turned.away}

    def active(self) -> dict[str, int]:
        """Connections open now by kind, of the processes that are connected."""
        found: dict[str, int] = {}
        for number in self.ingest.connected:
            for kind, entry in self.books[number].kinds.items():
                if entry.active is not None:
                    found[kind] = found.get(kind, 0) + entry.active
        return found

    def hello(self, held: Held) -> StreamHello:
        """What a page is told first."""
        return StreamHello(version=installed_version(), now_us=self.clock_us(), oldest=held.oldest, latest=held.latest,
                           instance=self._instance, title=self.title, time_zone=self.settings.time_zone)  # fmt: skip

    def stats(self) -> Stats:
        """The last seconds."""
        return self.live.stats(self.books, self.ingest.connected)

    async def recent(self, wanted: Selection, limit: int) -> list[StoredEvent]:
        """The last events kept that pass, in order."""
        found = await self.history.read(partial(read_back, wanted=wanted, below=None, limit=limit))
        return found.events[::-1]

    async def replay(self) -> None:
        """Look at the last events again, so that the panels go on where they were before a restart."""
        try:
            events = await self.recent(EVERYTHING, _REPLAYED)
        except (HistoryUnavailable, TimeoutError) as error:
            _log.warning("the panels begin empty: %s", error)
            return
        for label, run in groupby(events, key=lambda event: event.source):
            again = StoredRun(label, 0, list(run), [])
            self.semaphores.hear(again)
            self.calls.hear(again)
            cells: Cells = {}
            count_events(label, again.events, cells)
            self.live.take(cells)

    async def tick(self) -> None:
        """Send what is new: at once where nothing was sent for 50 ms, so that frames never come closer than that."""
        while True:
            await self.hub.wait()
            began = time.monotonic()
            self.hub.tick()
            await asyncio.sleep(max(0.0, began + TICK_S - time.monotonic()))

    async def every_second(self) -> None:
        """Send the last second, note who is connected, and repeat the panels now and then."""
        repeated = time.monotonic()
        while True:
            await asyncio.sleep(_SECOND_S)
            self.hub.show(self.stats())
            self.refresh()
            await self._cover()
            if time.monotonic() - repeated > _REPEAT_S:
                repeated = time.monotonic()
                for panel in self.board.all():
                    self.hub.show(panel)

    async def _cover(self) -> None:
        connected = self.ingest.connected
        if connected:
            try:
                await self.history.cover(connected)
            except (HistoryUnavailable, TimeoutError) as error:
                _log.debug("nobody is noted as connected: %s", error)

    def _begun(self, begun: Begun) -> None:
        self._instance = begun.instance
        self.books = dict(begun.books)
        self.hub.begin(begun.next_seq)
        self._show_sources()

    def _committed(self, committed: Committed) -> None:
        for number, book in committed.books.items():
            if number not in self.books:
                self.semaphores.forget(book.label)
        self.books.update(committed.books)
        for number in committed.forgotten:
            self.books.pop(number, None)
        if not committed.runs:
            return
        self.live.take(committed.cells)
        self.hub.take(committed.runs)
        for run in committed.runs:
            self.counts.count(Count.EVENTS_STORED, len(run.events))
            self.view.tell(run)

    def _show_sources(self) -> None:
        self.board.post(
            sources_message(self.books, self.ingest.connected, self.settings.expected_sources, self.clock_us())
        )

    def refresh(self) -> None:
        """Show the panels that are made here as they are now."""
        self._show_sources()
        labels = {self.books[number].label for number in self.ingest.connected if number in self.books}
        self.board.post(self.semaphores.message(labels, self.clock_us()))
        self.board.post(self.calls.message())


def installed_version() -> str:
    """Of pgfold."""
    try:
        return version("pgfold")
    except PackageNotFoundError:
        return "unknown"
