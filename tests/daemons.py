"""A daemon as a process of its own, and plain clients of its ports: a process that sends, a page that reads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

STARTS_S = 20.0
ANSWERS_S = 10.0


@dataclass(slots=True)
class Daemon:
    """A running daemon; addresses by what they are for, as it announced them."""

    process: subprocess.Popen[str]
    addresses: dict[str, str]
    said: list[str]
    errors: Path

    @property
    def stream(self) -> str:
        """The address of /monitoring."""
        return self.addresses["stream"]

    @property
    def ingest(self) -> str:
        """The address of /ingest."""
        return self.addresses["ingest"]

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Status and JSON of a GET to the page's port."""
        status, body, _ = fetch(self.addresses["page"] + path, headers)
        return status, json.loads(body)

    def kill(self) -> None:
        """As kill -9 does."""
        self.process.kill()
        self.process.wait(STARTS_S)

    def terminate(self) -> int:
        """As an orchestrator does; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STARTS_S)


def fetch(address: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes, Mapping[str, str]]:
    """Status, body and headers, whatever the status."""
    request = urllib.request.Request(address, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=ANSWERS_S) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def environment_of(folder: Path, **settings: str) -> dict[str, str]:
    """Any free ports, and everything in one folder."""
    ports = {f"{name}_PORT": "0" for name in ("WS", "MONITORING")}
    off = {"HEALTH_CHECK_ENABLED": "false", "METRICS_ENABLED": "false"}
    return {**os.environ, **ports, **off, "PGFOLD_HOME": str(folder), "HISTORY": "history.sqlite", **settings}


def launch(folder: Path, **settings: str) -> subprocess.Popen[str]:
    """A daemon that is about to start, or to refuse to."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "errors").open("a") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "daemon"],
            env=environment_of(folder, **settings),
            cwd=Path(__file__).parent.parent,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )


def start(folder: Path, **settings: str) -> Daemon:
    """A daemon that listens."""
    process = launch(folder, **settings)
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line.rstrip("\n"))
        if line.startswith("metrics "):
            pairs = [line.split(maxsplit=1) for line in said if "://" in line and "=" not in line]
            return Daemon(process, {name: address.strip() for name, address in pairs}, said, folder / "errors")
    raise AssertionError(f"it did not start: {(folder / 'errors').read_text()}")


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Daemon]:
    """A daemon until the end of the block; killed where it still runs then."""
    daemon = start(folder, **settings)
    try:
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.kill()
        if daemon.process.stdout is not None:
            daemon.process.stdout.close()


def now_us() -> int:
    """As on the wire."""
    return time.time_ns() // 1000


def event(name: str = "db.query", kind: str = "supabase", **fields: object) -> dict[str, object]:
    """One that ended now."""
    return {"at_us": now_us(), "name": name, "kind": kind, **fields}


def source(instance: str = "api-1", pid: int = 1, started_us: int | None = None) -> dict[str, object]:
    """A process."""
    return {"service": "api", "instance": instance, "pid": pid, "started_us": started_us or now_us()}


@dataclass(slots=True)
class Sender:
    """A process that sends; keeps its books as the protocol asks."""

    socket: ClientConnection
    number: int
    recorded: int = 0
    who: dict[str, object] = field(default_factory=dict)

    def send(self, events: list[dict[str, object]], dropped: Mapping[str, int] | None = None) -> int:
        """Send one batch; its number."""
        self.number += 1
        self.recorded += len(events) + sum((dropped or {}).values())
        batch = {"type": "batch", "number": self.number, "recorded": self.recorded, "dropped": dropped or {}}
        self.socket.send(json.dumps({**batch, "events": events}))
        return self.number

    def answer(self) -> dict[str, Any]:
        """The next message."""
        return dict(json.loads(self.socket.recv(ANSWERS_S)))

    def store(self, *events: dict[str, object]) -> dict[str, Any]:
        """Send and wait for the acknowledgement."""
        self.send(list(events))
        return self.answer()


@contextmanager
def sending(daemon: Daemon, who: dict[str, object] | None = None, headers: Mapping[str, str] | None = None,
            recorded: int = 0) -> Iterator[Sender]:  # fmt: skip
    """A process that has said hello and was welcomed."""
    who = who or source()
    with connect(daemon.ingest, additional_headers=dict(headers or {}), compression=None) as socket:
        socket.send(json.dumps({"type": "hello", "protocol": 1, "source": who}))
        welcome = json.loads(socket.recv(ANSWERS_S))
        assert welcome["type"] == "welcome", welcome
        yield Sender(socket, welcome["acknowledged"], recorded, who)


@contextmanager
def reading(daemon: Daemon, from_: int | None = None, headers: Mapping[str, str] | None = None,
            **wanted: Any) -> Iterator[ClientConnection]:  # fmt: skip
    """A page that has subscribed."""
    with connect(daemon.stream, additional_headers=dict(headers or {}), compression=None, max_size=None) as page:
        page.send(json.dumps({"type": "subscribe", "protocol": 1, "from": from_, "filter": wanted}))
        yield page


def messages(page: ClientConnection, within_s: float = ANSWERS_S) -> Iterator[dict[str, Any]]:
    """What arrives; an AssertionError once nothing that ends the loop came in time."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        yield json.loads(page.recv(max(0.01, until - time.monotonic())))
    raise AssertionError("what was waited for did not arrive")


def read_until(page: ClientConnection, seq: int, within_s: float = ANSWERS_S) -> list[dict[str, Any]]:
    """The events and gaps up to a number, each as its message."""
    found = []
    for message in messages(page, within_s):
        if message["type"] in ("events", "gap"):
            found.append(message)
            if message["last" if message["type"] == "events" else "to"] >= seq:
                break
    return found


def numbers(found: list[dict[str, Any]]) -> list[int]:
    """Of the events in messages."""
    return [event["seq"] for message in found if message["type"] == "events" for event in message["events"]]
