"""Kill -9 of application and daemon in turn, with the recorder applications import: recorded = stored + dropped."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.context import ForkServerProcess
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from tests.chaos.test_daemon_kill import free_port, started
from tests.daemons import ANSWERS_S, running

ROUNDS = 50
LONGEST_S = 0.08
SERVICE = "killed"

context = multiprocessing.get_context("forkserver")


def record(port: int, spool: str, counted: Synchronized[int], going: Synchronized[int]) -> None:
    """An application: counts each event before it records it, until it is killed or told to stop."""
    os.environ.update(MONITORING_INGEST=f"ws://127.0.0.1:{port}/ingest", MONITORING_SPOOL=spool)
    import monitoring

    monitoring.start(SERVICE)
    site = monitoring.call_site("db.query", "supabase", "out")
    while going.value:
        for _ in range(50):
            counted.value += 1
            site.done(monitoring.clock(), None, {"db.collection.name": "issues"})
        time.sleep(0.002)
    assert monitoring.flush(ANSWERS_S)
    monitoring.stop()


class Applications:
    """One at a time; `counted` keeps, by process, how many events it began to record."""

    def __init__(self, port: int, spool: Path) -> None:
        self._port, self._spool = port, spool
        self.counted: dict[int, Synchronized[int]] = {}
        self.going = context.Value("q", 1, lock=False)
        self.process = self._start()

    def _start(self) -> ForkServerProcess:
        counted = context.Value("q", 0, lock=False)
        process = context.Process(target=record, args=(self._port, str(self._spool), counted, self.going))
        process.start()
        assert process.pid is not None
        self.counted[process.pid] = counted
        return process

    def kill(self) -> None:
        """Kill it, and start the next, which finds what it left."""
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()
        self.process = self._start()

    def stop(self) -> None:
        """Let the last one say goodbye."""
        self.going.value = 0
        self.process.join(ANSWERS_S)
        assert self.process.exitcode == 0


def test_through_kills_of_application_and_daemon_the_books_of_every_process_agree(tmp_path: Path) -> None:
    port, chance = free_port(), random.Random(40)
    context.set_forkserver_preload(["daemon.process", "daemon.settings", "uvloop", "monitoring", "monitoring.client"])
    applications = Applications(port, tmp_path / "spool")
    rounds = 0
    while rounds < ROUNDS:
        with started(tmp_path, port):
            kills_of_applications = chance.randint(0, 3)
            for _ in range(kills_of_applications):
                time.sleep(chance.uniform(0, LONGEST_S))
                applications.kill()
            time.sleep(chance.uniform(0, LONGEST_S))
        rounds += 1 + kills_of_applications
    with started(tmp_path, port):
        applications.stop()
    with running(tmp_path) as last:
        shown = {one["pid"]: one for one in last.get("api/sources")[1]["sources"]}
        stored = last.get("api/events?limit=1")[1]["all"]
    for pid, counted in applications.counted.items():
        book = shown.get(pid)
        if book is None:
            assert counted.value == 0, "a process that recorded is not in the books"
            continue
        assert book["recorded"] == book["stored"] + book["dropped"], book
        assert counted.value - 1 <= book["recorded"] <= counted.value, (book, counted.value)
    assert stored == sum(book["stored"] for book in shown.values()) > 0
