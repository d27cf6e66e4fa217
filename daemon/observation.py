"""Observation: a thread of its own, with its own event loop, that probes and answers for health and metrics.

So a main loop that is frozen is seen, said and counted, while liveness is still answered.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from daemon.health import Standing, component, needs_confirmation, observe
from daemon.listening import Turned, listen, runner_options
from daemon.probes.event_loop import LoopWatch
from daemon.probes.finding import Finding, Measurement, Probe, Status
from daemon.security import Limits
from daemon.wording import duration, one_line
from monitoring.wire import Component

_BEAT_S = 0.25
_STOPS_S = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """An application to serve on a socket that is bound already."""

    application: web.Application
    socket: socket.socket
    connections: int


class Standings:
    """Each component as it stands: written by the watching thread, read by any, since an assignment is atomic."""

    def __init__(self, probes: Sequence[Probe], now: Callable[[], datetime]) -> None:
        self.probes = tuple(probes)
        self.started = now()
        self._now = now
        self._standings: Mapping[str, Standing] = {}

    def components(self) -> list[Component]:
        """As they are shown now, in the order of the probes."""
        now, standings = self._now(), self._standings
        return [component(probe, standings.get(probe.name), self.started, now) for probe in self.probes]

    def standing(self, probe: Probe) -> Standing | None:
        """None before the first measurement."""
        return self._standings.get(probe.name)

    def observe(self, probe: Probe, finding: Finding, latency_s: float | None) -> None:
        """One more measurement, taken now."""
        measured = Measurement(finding, self._now(), finding.latency_s if finding.latency_s is not None else latency_s)
        standing = observe(probe, self.standing(probe), measured)
        self._standings = {**self._standings, probe.name: standing}

    @property
    def started_up(self) -> bool:
        """Whether each probe has measured once."""
        return all(probe.name in self._standings for probe in self.probes)


class Observation:
    """The thread; `start` returns once its servers listen, `stop` once it has ended."""

    def __init__(self, standings: Standings, watch: LoopWatch | None, servers: Sequence[Server]) -> None:
        self._standings = standings
        self._watch = watch
        self._servers = tuple(servers)
        self._thread = threading.Thread(target=self._run, name="observation", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def start(self) -> None:
        """Begin to probe and to serve.

        Raises:
            OSError: a socket cannot be served.
        """
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End it; no later than after a few seconds."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_STOPS_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._observe())
        except Exception as error:  # noqa: BLE001 - the thread's top: the starter is told, and the log
            self._failure = error
            _log.exception("the observation thread ended")
        finally:
            self._ready.set()

    async def _observe(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with AsyncExitStack() as stack:
            for server in self._servers:
                await _serve(stack, server)
            tasks = [asyncio.create_task(_probe(self._standings, probe)) for probe in self._standings.probes]
            if self._watch is not None:
                tasks.append(asyncio.create_task(_beat(self._watch)))
            for task in tasks:
                task.add_done_callback(_tell_the_log)
            self._ready.set()
            await self._stop.wait()
            for task in tasks:
                task.cancel()


def _tell_the_log(task: asyncio.Task[None]) -> None:
    """What nobody foresaw ends one task: its component is not measured any more, and is shown as unknown."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a component is not looked at any more", exc_info=error)


async def _serve(stack: AsyncExitStack, server: Server) -> None:
    runner = web.AppRunner(server.application, **runner_options(Limits()))
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    listening = await listen(runner, server.socket, server.connections, Turned())
    stack.callback(listening.close)


async def _beat(watch: LoopWatch) -> None:
    while True:
        watch.beat()
        await asyncio.sleep(_BEAT_S)


async def _probe(standings: Standings, probe: Probe) -> None:
    """Look again and again: a period after the last look began, and sooner to confirm one that disagrees."""
    while True:
        began = time.monotonic()
        finding = await look(probe)
        took_s = time.monotonic() - began
        standings.observe(probe, finding, took_s)
        # What was unknown may be known in a moment: the main loop has begun to report, or a server is up.
        confirm = finding.status is Status.UNKNOWN or needs_confirmation(standings.standing(probe))
        await asyncio.sleep(probe.confirm_s if confirm else max(0.0, probe.period_s - took_s))


async def look(probe: Probe) -> Finding:
    """One look, given up after the probe's timeout; what fails in an unforeseen way is unknown, never healthy."""
    task = asyncio.ensure_future(probe.look())
    try:
        done, _ = await asyncio.wait({task}, timeout=probe.timeout_s)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        # Not awaited: a driver may take seconds to give up on a server that is stopped.
        task.add_done_callback(_forget)
        task.cancel()
        hung = f"{probe.title} has not answered for {duration(probe.timeout_s)}."
        return Finding(Status.UNHEALTHY, hung, probe.meaning, probe.timeout_s)
    error = task.exception()
    if error is None:
        return task.result()
    _log.warning("the probe of %s failed", probe.name, exc_info=error)
    return Finding(Status.UNKNOWN, f"{probe.title} could not be measured, 1 error: {one_line(error)}.")


def _forget(task: asyncio.Future[Finding]) -> None:
    """Fetch what it ended with, so that nobody is told that nobody did."""
    if not task.cancelled():
        task.exception()
