"""Kill -9 of the daemon under load, again and again: recorded = stored + dropped, numbers without hole or double."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import uvloop
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.daemons import ANSWERS_S, Daemon, environment_of, event, now_us, running, source

ROUNDS = 50
BATCH = 20
LONGEST_LIFE_S = 0.15
GONE = (OSError, WebSocketException, TimeoutError, EOFError)


def serve(folder: str, port: int) -> None:
    """The daemon, in a process that has imported it already: what takes time is what is tested."""
    from daemon.process import run
    from daemon.settings import read_settings

    settings = {**environment_of(Path(folder)), "WS_PORT": str(port), "MONITORING_ENABLED": "false"}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(read_settings(settings, Path(folder)), lambda _: None))


@contextmanager
def started(folder: Path, port: int) -> Iterator[ForkServerProcess]:
    """A daemon that is killed at the end of the block."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["daemon.process", "daemon.settings", "uvloop"])
    process = context.Process(target=serve, args=(str(folder), port))
    process.start()
    try:
        _wait_until_it_listens(port)
        yield process
    finally:
        process.kill()
        process.join()


def free_port() -> int:
    """One that nothing listened on a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_listens(port: int) -> None:
    until = time.monotonic() + ANSWERS_S
    while time.monotonic() < until:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError("the daemon does not listen")


class Application(threading.Thread):
    """Records all the time, keeps each batch until it is acknowledged, and drops what is too much, counted by kind."""

    def __init__(self, port: int, instance: str) -> None:
        super().__init__(daemon=True)
        self.address = f"ws://127.0.0.1:{port}/ingest"
        self.who = source(instance, 1)
        self.stopping = threading.Event()
        self.recorded = 0
        self.unsent_drops: Counter[str] = Counter()
        self.kept: dict[int, dict[str, Any]] = {}
        self.number = 0

    def run(self) -> None:
        while not (self.stopping.is_set() and not self.kept):
            try:
                self._send()
            except GONE:
                time.sleep(0.005)

    def _record(self) -> None:
        """One batch more; every tenth event finds the ring full."""
        events = [event(kind="load", n=self.recorded + each) for each in range(BATCH)]
        for each in events:
            each["attributes"] = {"n": each.pop("n")}
        dropped = {"load": BATCH // 10}
        self.number += 1
        self.recorded += BATCH + BATCH // 10
        self.kept[self.number] = {
            "type": "batch", "number": self.number, "recorded": self.recorded, "dropped": dropped, "events": events,
        }  # fmt: skip

    def _send(self) -> None:
        with connect(self.address, compression=None, open_timeout=2, close_timeout=0.2) as wire:
            wire.send(json.dumps({"type": "hello", "protocol": 1, "source": self.who}))
            self._acknowledged(json.loads(wire.recv(ANSWERS_S))["acknowledged"])
            for batch in list(self.kept.values()):
                wire.send(json.dumps(batch))
            while self.kept or not self.stopping.is_set():
                if not self.stopping.is_set() and len(self.kept) < 5:
                    self._record()
                    wire.send(json.dumps(self.kept[self.number]))
                self._acknowledged(json.loads(wire.recv(ANSWERS_S))["number"])

    def _acknowledged(self, number: int) -> None:
        for each in [each for each in self.kept if each <= number]:
            del self.kept[each]


class Page(threading.Thread):
    """A page that stays open through it all: it subscribes again from the number after the last it has."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.address = f"ws://127.0.0.1:{port}/monitoring"
        self.stopping = threading.Event()
        self.seen: list[int] = []
        self.reached = 0
        self.gaps = 0

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._read()
            except GONE:
                time.sleep(0.005)

    def _read(self) -> None:
        with connect(self.address, compression=None, max_size=None, open_timeout=2, close_timeout=0.2) as wire:
            wire.send(json.dumps({"type": "subscribe", "protocol": 1, "from": self.reached + 1}))
            while not self.stopping.is_set():
                message = json.loads(wire.recv(ANSWERS_S))
                if message["type"] == "events":
                    assert message["first"] == self.reached + 1
                    self.seen += [each["seq"] for each in message["events"]]
                    self.reached = message["last"]
                self.gaps += message["type"] == "gap"


def test_through_kills_of_the_daemon_every_event_is_stored_once_or_counted_as_dropped(tmp_path: Path) -> None:
    port = free_port()
    chance = random.Random(4)
    applications = [Application(port, f"api-{number}") for number in range(2)]
    page = Page(port)
    for thread in (*applications, page):
        thread.start()
    for _ in range(ROUNDS):
        with started(tmp_path, port):
            time.sleep(chance.uniform(0, LONGEST_LIFE_S))
    with started(tmp_path, port):
        for application in applications:
            application.stopping.set()
            application.join(ANSWERS_S)
            assert not application.is_alive()
        stored = sum(application.number for application in applications) * BATCH
        _wait_for(lambda: page.reached >= stored)
        page.stopping.set()
    page.join(ANSWERS_S)
    assert (page.gaps, page.seen) == (0, list(range(1, stored + 1)))
    with running(tmp_path) as daemon:
        assert_the_books_agree(daemon, applications)


def _wait_for(condition: Any) -> None:
    until = time.monotonic() + ANSWERS_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def assert_the_books_agree(daemon: Daemon, applications: list[Application]) -> None:
    """The daemon's with the applications' own, with the events, and with the charts."""
    shown = {one["label"]: one for one in daemon.get("api/sources")[1]["sources"]}
    for application in applications:
        book = shown[str(application.who["instance"])]
        assert book["recorded"] == application.recorded
        assert book["recorded"] == book["stored"] + book["dropped"]
    events = daemon.get("api/events?limit=1")[1]
    assert events["all"] == sum(book["stored"] for book in shown.values()) == events["events"][0]["seq"]
    _wait_for(lambda: _charted(daemon) >= events["all"])
    assert _charted(daemon) == events["all"]


def _charted(daemon: Daemon) -> int:
    """Operations on the charts, whose last seconds are still to come."""
    points = daemon.get(f"api/stats?step=1&by=source&from={now_us() - 1_000_000_000}")[1]["points"]
    return sum(point["operations"] for point in points)
