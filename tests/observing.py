"""Probes that run, what they show, and real things to look at: a slow way to Postgres, a Redis, a loop that freezes."""

from __future__ import annotations

import asyncio
import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from daemon.health_server import health_application
from daemon.observation import Observation, Server, Standings
from daemon.probes.event_loop import LoopWatch
from daemon.probes.finding import Probe, Status
from daemon.security import Access
from monitoring.wire import Component

OPEN = Access()
PERIOD_S = 1.2
SLACK_S = 2.0  # a machine that is busy with other tests
_POLL_S = 0.02


def utc_now() -> datetime:
    return datetime.now(UTC)


def wait_until(condition: Callable[[], bool], within_s: float, what: str) -> float:
    """How long it took; an AssertionError with `what` after `within_s`."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, what
        time.sleep(_POLL_S)
    return time.monotonic() - began


@dataclass(frozen=True, slots=True)
class Observed:
    """Probes that run in the observation's thread, and its health port."""

    standings: Standings
    address: str

    def shown(self, name: str) -> Component:
        """A component as it is shown now."""
        return next(one for one in self.standings.components() if one.name == name)

    def wait_for(self, name: str, status: Status, within_s: float = 2 * PERIOD_S + SLACK_S) -> Component:
        """The component once it shows this status, which must be within two periods."""
        wait_until(lambda: self.shown(name).status == status.value, within_s, f"{status} expected: {self.shown(name)}")
        return self.shown(name)


@contextmanager
def observed(*probes: Probe, watch: LoopWatch | None = None, access: Access = OPEN) -> Iterator[Observed]:
    """They run until the caller leaves."""
    standings = Standings(probes, utc_now)
    opened = socket.create_server(("127.0.0.1", 0))
    server = Server(health_application(standings, access, utc_now), opened, 100)
    observation = Observation(standings, watch, [server])
    observation.start()
    try:
        yield Observed(standings, f"http://127.0.0.1:{opened.getsockname()[1]}")
    finally:
        observation.stop()
        opened.close()


@dataclass(slots=True)
class SlowWay:
    """A way to the Postgres of `url` on which each answer takes `delay_s`."""

    url: str
    delay_s: float = 0.0
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def conninfo(self) -> str:
        """Through it."""
        named = conninfo_to_dict(self.url)
        port = self._listener.getsockname()[1]
        return f"host=127.0.0.1 port={port} user={named['user']} dbname={named['dbname']} sslmode=disable"

    def serve(self) -> None:
        """Accept until `close`."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Accept no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _pass_on(self, client: socket.socket) -> None:
        named = conninfo_to_dict(self.url)
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(f"{named['host']}/.s.PGSQL.{named.get('port', 5432)}")
            ways = {client: server, server: client}
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(65_536)
                    if not data:
                        return
                    if ready is server and self.delay_s:
                        threading.Event().wait(self.delay_s)
                    ways[ready].sendall(data)


@contextmanager
def slow_way(url: str) -> Iterator[SlowWay]:
    """Open until the caller leaves."""
    way = SlowWay(url)
    threading.Thread(target=way.serve, daemon=True).start()
    try:
        yield way
    finally:
        way.close()


@contextmanager
def running_redis(folder: Path, *settings: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Debian's redis-server on a free port: its URL and its process."""
    program = shutil.which("redis-server")
    assert program, "redis-server is missing: apt-get install redis-server"
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *settings]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _listens(port), 10, "redis-server did not start")
            yield f"redis://127.0.0.1:{port}/0", process
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
