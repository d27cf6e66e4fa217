"""Parts: what the main process starts beside its core, and how parts see and show things.

daemon/process.py starts a part and cancels it at the end. It reads `view`, is told of stored events with `view.listen`,
and shows what it found with `view.board.post(message)`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from daemon.selection import Selection
from daemon.settings import Settings
from monitoring.wire import (
    BackupsMessage,
    Calls,
    Event,
    Health,
    Migrations,
    Semaphores,
    Sources,
    StoredEvent,
)

Panel = Health | Migrations | BackupsMessage | Sources | Semaphores | Calls
P = TypeVar("P", Health, Migrations, BackupsMessage, Sources, Semaphores, Calls)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """Events of one source that were committed together; the first has number `first_seq`, the others follow."""

    label: str
    first_seq: int
    events: list[Event]
    encoded: list[bytes] = field(repr=False)  # each as the JSON of a StoredEvent


@dataclass(frozen=True, slots=True)
class WriterState:
    """The history writer as health looks at it; `failure` is a sentence where it cannot write now.

    `measured_us` is when it last wrote or failed to: an idle writer writes a heartbeat every five seconds.
    """

    measured_us: int | None
    latency_ns: int | None
    failure: str | None
    failing_since_us: int | None
    waiting_batches: int
    events: int
    size_bytes: int
    oldest_us: int | None


class Board:
    """The newest message of each panel; whoever watches is told when one changes. Used on the event loop only."""

    def __init__(self) -> None:
        self._latest: dict[type, Panel] = {}
        self._watchers: list[Callable[[Panel], None]] = []

    def post(self, message: Panel) -> None:
        """Show it, unless it says what the one before said."""
        if self._latest.get(type(message)) == message:
            return
        self._latest[type(message)] = message
        for watcher in self._watchers:
            watcher(message)

    def latest(self, kind: type[P]) -> P | None:
        """The newest message of a panel, None before the first."""
        found = self._latest.get(kind)
        return found if isinstance(found, kind) else None

    def all(self) -> list[Panel]:
        """The newest of every panel."""
        return list(self._latest.values())

    def watch(self, watcher: Callable[[Panel], None]) -> None:
        """Be told of each change."""
        self._watchers.append(watcher)


@dataclass(slots=True)
class View:
    """What a part may see; `recent` reads the last events kept that pass a selection, in order.

    It raises HistoryUnavailable or TimeoutError where they cannot be read.
    """

    settings: Settings
    board: Board
    recent: Callable[[Selection, int], Awaitable[list[StoredEvent]]]
    _listeners: list[Callable[[StoredRun], None]] = field(default_factory=list)

    def listen(self, listener: Callable[[StoredRun], None]) -> None:
        """Be told of all events once they are stored, from now on. Must be quick; `recent` has those before."""
        self._listeners.append(listener)

    def tell(self, run: StoredRun) -> None:
        """Pass on what was stored."""
        for listener in self._listeners:
            listener(run)


class Part(Protocol):
    """Something the main process runs until it stops."""

    @property
    def name(self) -> str: ...

    async def run(self, view: View) -> None: ...
