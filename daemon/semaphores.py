"""Semaphores: who holds the permits, as the events tell it; what a silent process holds is unknown."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from daemon.parts import StoredRun
from monitoring.wire import Event, Semaphore, Semaphores, Value

_MOST = 500
_MOST_HOLDERS = 20
_KIND = "semaphore"


@dataclass(slots=True)
class _Seen:
    """One semaphore of one process; `held` are holders with since when, the oldest first."""

    permits: int | None = None
    in_use: int | None = None
    waiting: int | None = None
    leaked: int = 0
    over_releases: int = 0
    held: list[tuple[str, int]] = field(default_factory=list)

    def hear(self, event: Event, facts: dict[str, Value]) -> None:
        self.permits = _whole(facts.get("semaphore.permits"), self.permits)
        self.in_use = _whole(facts.get("semaphore.in_use"), self.in_use)
        self.waiting = _whole(facts.get("semaphore.waiting"), self.waiting)
        self.leaked = _whole(facts.get("semaphore.leaked"), self.leaked) or 0
        holder = str(facts.get("semaphore.holder", ""))
        match event.name:
            case "semaphore.acquire" if event.outcome == "ok":
                self.held.append((holder, event.at_us))
            case "semaphore.release":
                self._give_back(holder)
            case "semaphore.over_release":
                self.over_releases += event.weight
            case _:
                pass
        if self.in_use is not None:  # a holder whose release never came is not shown for ever
            self.held = self.held[max(0, len(self.held) - self.in_use) :]

    def _give_back(self, holder: str) -> None:
        mine = next((held for held in self.held if held[0] == holder), None)
        if mine is not None:
            self.held.remove(mine)


class SemaphoreBook:
    """Every semaphore that was heard of lately; used on the event loop only."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

    def hear(self, run: StoredRun) -> None:
        """Events that were stored."""
        for event in run.events:
            if event.kind == _KIND and event.attributes and "semaphore.name" in event.attributes:
                key = (str(event.attributes["semaphore.name"]), run.label)
                self._seen.setdefault(key, _Seen()).hear(event, event.attributes)
                self._seen.move_to_end(key)
        while len(self._seen) > _MOST:
            self._seen.popitem(last=False)

    def forget(self, label: str) -> None:
        """A process began anew: what the one before it held is gone with it."""
        for key in [key for key in self._seen if key[1] == label]:
            del self._seen[key]

    def message(self, connected: Collection[str], now_us: int) -> Semaphores:
        """By name and source; `connected` are the labels of processes that are."""
        return Semaphores(
            semaphores=[_shown(name, source, seen, source in connected, now_us)
                        for (name, source), seen in sorted(self._seen.items())]
        )  # fmt: skip


def _shown(name: str, source: str, seen: _Seen, connected: bool, now_us: int) -> Semaphore:
    oldest_us = min((since for _, since in seen.held), default=None)
    return Semaphore(
        name=name,
        source=source,
        permits=seen.permits,
        in_use=seen.in_use if connected else None,
        waiting=seen.waiting if connected else None,
        longest_held_ns=None if oldest_us is None or not connected else max(0, now_us - oldest_us) * 1000,
        holders=[holder for holder, _ in seen.held[:_MOST_HOLDERS]],
        over_releases=seen.over_releases,
        state=_state(seen, connected),
    )


def _state(seen: _Seen, connected: bool) -> Literal["free", "busy", "leaking", "unknown"]:
    if not connected or seen.in_use is None:
        return "unknown"
    if seen.leaked:
        return "leaking"
    return "busy" if seen.permits is not None and seen.in_use >= seen.permits else "free"


def _whole(value: Value | None, otherwise: int | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
