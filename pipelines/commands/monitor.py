"""The monitoring daemon and its demo application as children of `pgfold up`: they share the environment, not code."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from pipelines.commands.child import child_process
from pipelines.commands.guardian import Guard
from pipelines.commands.ports import HOST
from pipelines.core.errors import StepFailed
from pipelines.orchestration.home import environment_of
from pipelines.settings import Settings

_READY_S = 60
_POLL_S = 0.1
_ANSWER_S = 5
_LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class Watch:
    """What the daemon is to look at, and where its output goes."""

    settings: Settings
    home: Path
    database_url: str
    dagster: str
    guard: Guard

    @property
    def environment(self) -> dict[str, str]:
        """The embedded server's address too; an argument would show a password to everybody on the machine."""
        own = {"DATABASE_URL": self.database_url, "BACKUPS": str(self.settings.backups), "DAGSTER_URL": self.dagster}
        return {**environment_of(self.settings, os.environ), **own}


@dataclass(frozen=True, slots=True)
class Monitor:
    """The daemon at work: its page's address, where events go, and since when (seconds of the monotonic clock)."""

    watch: Watch
    process: subprocess.Popen[bytes]
    address: str
    ingest: str
    log: Path
    since: float


@contextmanager
def monitor_process(watch: Watch) -> Iterator[Monitor]:
    """`python -m daemon` until the caller leaves, ready when it is entered.

    Raises:
        StepFailed: it ended at once; the message has its last words, for example which port is taken.
    """
    log, environment = watch.home / "monitor.log", watch.environment
    page, stream = environment.get("MONITORING_PORT") or "8080", environment.get("WS_PORT") or "8079"
    command = [sys.executable, "-m", "daemon"]
    with child_process(command, watch.settings.folder, environment, log, watch.guard) as process:
        address, ingest = f"http://{HOST}:{page}", f"ws://{HOST}:{stream}/ingest"
        monitor = Monitor(watch, process, address, ingest, log, time.monotonic())
        _wait_until_ready(monitor)
        yield monitor


@contextmanager
def demo_application(monitor: Monitor) -> Iterator[None]:
    """The small application that gives the dashboard something to show."""
    command = [sys.executable, "-m", "daemon.demo", "--ingest", monitor.ingest]
    watch = monitor.watch
    with child_process(command, watch.settings.folder, watch.environment, watch.home / "demo.log", watch.guard):
        yield


def is_monitored(environment: Mapping[str, str]) -> bool:
    """Whether the page is wanted at all."""
    return environment.get("MONITORING_ENABLED", "").lower() not in ("0", "false", "no", "off")


def _wait_until_ready(monitor: Monitor) -> None:
    deadline = time.monotonic() + _READY_S
    while not _answers(monitor.address):
        if monitor.process.poll() is not None:
            raise StepFailed(f"the monitor did not start:\n{last_words(monitor.log)}\n{_without()}")
        if time.monotonic() > deadline:
            raise StepFailed(
                f"the monitor did not answer within {_READY_S} s:\n{last_words(monitor.log)}\n{_without()}"
            )
        time.sleep(_POLL_S)


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=_ANSWER_S):
            return True
    except HTTPError as refused:  # it asks for a token, so it is there
        return refused.code in (401, 403)
    except (OSError, HTTPException):
        return False


def _without() -> str:
    return "  without it: pgfold up --no-monitor"


def last_words(log: Path) -> str:
    """The last lines of a child's output, and where all of it is."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(["  " + line for line in lines[-_LAST_LINES:]] + [f"  all of it: {log}"])
