"""Event loop: how late it comes to what is due, watched from another thread, so that a frozen one shows."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from daemon.probes.finding import Finding, Status
from daemon.wording import duration

_REMEMBERED = 240  # beats: a minute of them


@dataclass(frozen=True, slots=True)
class LoopLimits:
    """From which lag on (99th percentile of the last minute) the loop is degraded, and when it counts as frozen."""

    slow_s: float = 0.1
    frozen_s: float = 1.0


class LoopWatch:
    """Beats sent to a loop of another thread, and how late they arrived; `clock` is monotonic, in seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = loop
        self._clock = clock
        self._sent: float | None = None
        self._lags: deque[float] = deque(maxlen=_REMEMBERED)

    def beat(self) -> None:
        """Send one, unless one is still under way: called four times a second by the watching thread."""
        if self._sent is not None:
            return
        sent = self._clock()
        self._sent = sent
        try:
            self._loop.call_soon_threadsafe(self._arrive, sent)
        except RuntimeError:  # the loop is closed: it stays under way, and shows as frozen
            return

    def _arrive(self, sent: float) -> None:
        """In the watched loop's thread; each assignment is atomic, so no lock could freeze the watcher with it."""
        self._lags.append(self._clock() - sent)
        self._sent = None

    @property
    def waiting_s(self) -> float:
        """How long the beat under way has been under way, 0 where none is."""
        sent = self._sent
        return 0.0 if sent is None else self._clock() - sent

    @property
    def lag_s(self) -> float | None:
        """The 99th percentile of the last minute's beats; None before the first arrived."""
        lags = sorted(self._lags.copy())
        return lags[min(len(lags) - 1, int(len(lags) * 0.99))] if lags else None


async def look_at_loop(watch: LoopWatch, limits: LoopLimits) -> Finding:
    """As the watch says now."""
    watch.beat()
    return judge(watch.waiting_s, watch.lag_s, limits)


def judge(waiting_s: float, lag_s: float | None, limits: LoopLimits) -> Finding:
    """The finding of a beat under way for `waiting_s`, and of the lag of those before."""
    if waiting_s >= limits.frozen_s:
        said = f"The event loop has not come to its next task for {duration(waiting_s)}."
        return Finding(Status.UNHEALTHY, said, "The page stands still, and events wait in the applications.", waiting_s)
    if lag_s is None:
        return Finding(Status.UNKNOWN, "No beat has come back yet, 0 of 1.", "")
    said = f"Lag {duration(lag_s)} at p99"
    if lag_s >= limits.slow_s:
        return Finding(Status.DEGRADED, f"{said}; tasks wait.", "The page is behind by as much.", lag_s)
    return Finding(Status.HEALTHY, f"{said}; nothing waits.", "The page is live.", lag_s)
