"""A daemon of its own for the page, and sources that send to it through /ingest."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from websockets.sync.client import ClientConnection, connect

from monitoring.wire import PROTOCOL, Ack, Batch, Event, FromIngest, IngestHello, SourceId, Value, Welcome

ROOT = Path(__file__).parents[2]
_STARTS_S = 20.0
_ANSWERS_S = 10.0
_SHOWS_MS = 8_000

Scheme = Literal["light", "dark"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(FromIngest).decode


def now_us() -> int:
    """Now, as the wire says it."""
    return time.time_ns() // 1000


@dataclass(slots=True)
class Daemon:
    """`python -m daemon` with a history in `home`, on ports that stay the same when it starts again."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stream_port: int = field(default_factory=lambda: free_port())
    page_port: int = field(default_factory=lambda: free_port())
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.page_port}/"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        settings = {
            "WS_PORT": str(self.stream_port),
            "MONITORING_PORT": str(self.page_port),
            "HEALTH_CHECK_ENABLED": "false",
            "METRICS_ENABLED": "false",
            "PGFOLD_HOME": str(self.home),
            **self.environment,
        }
        with (self.home / "daemon.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "daemon"], cwd=ROOT, env={**os.environ, **settings}, stdout=log, stderr=log
            )
        until = time.monotonic() + _STARTS_S
        while not (listens(self.page_port) and listens(self.stream_port)):
            assert self._process.poll() is None, (self.home / "daemon.log").read_text()
            assert time.monotonic() < until, f"no daemon after {_STARTS_S} s"
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Stop it or let it go on."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """As kill -9 does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something does."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


class Feed:
    """One process that sends events; each `send` returns after the daemon has stored them."""

    def __init__(self, daemon: Daemon, label: str) -> None:
        self._daemon = daemon
        self.source = SourceId(service=label.split("-")[0], instance=label, pid=os.getpid(), started_us=now_us())
        self._number = self._recorded = 0
        self._connection: ClientConnection | None = None
        self._open = ExitStack()

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def send(self, events: Sequence[Event], dropped: Mapping[str, int] | None = None) -> None:
        """As one batch."""
        connection = self._connection or self._connect()
        self._number += 1
        self._recorded += len(events) + sum((dropped or {}).values())
        batch = Batch(number=self._number, recorded=self._recorded, dropped=dict(dropped or {}), events=list(events))
        connection.send(_encode(batch).decode())
        answer = self._answer(connection)
        assert isinstance(answer, Ack), answer

    def reconnect(self) -> None:
        """After the daemon was killed."""
        self._open.close()
        self._connection = None

    def _connect(self) -> ClientConnection:
        address = f"ws://127.0.0.1:{self._daemon.stream_port}/ingest"
        connection = self._connection = self._open.enter_context(connect(address))
        connection.send(_encode(IngestHello(protocol=PROTOCOL, source=self.source)).decode())
        answer = self._answer(connection)
        assert isinstance(answer, Welcome), answer
        return connection

    @staticmethod
    def _answer(connection: ClientConnection) -> object:
        return _decode(connection.recv(timeout=_ANSWERS_S))


def event(name: str, kind: str, *, ago_s: float = 0.0, took_ms: float | None = 1.0, error: str | None = None,
          trace_id: str | None = None, size: int | None = None, **attributes: Value) -> Event:  # fmt: skip
    """An event that ended `ago_s` ago; an attribute's `__` stands for a dot."""
    return Event(
        at_us=now_us() - int(ago_s * 1e6),
        name=name,
        kind=kind,
        direction="out",
        outcome="error" if error else "ok",
        error_type=error,
        duration_ns=None if took_ms is None else int(took_ms * 1e6),
        size_bytes=size,
        trace_id=trace_id,
        attributes={key.replace("__", "."): value for key, value in attributes.items()} or None,
    )


@pytest.fixture(scope="module")  # the other browser tests start Playwright too, and one process takes one at a time
def dashboard_browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is not installed: apt-get install -y chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with an empty history."""
    running = Daemon(tmp_path_factory.mktemp("daemon"))
    running.start()
    yield running
    running.kill()


@dataclass(slots=True)
class Opened:
    """A page, and what its console said; messages that a test expects are allowed by a part of their text."""

    page: Page
    address: str
    said: list[str] = field(default_factory=list)
    allowed: tuple[str, ...] = ()

    def load(self) -> Page:
        """Open it, until it is connected and has its rows."""
        self.page.goto(self.address)
        expect(self.page.locator("[data-phase=connected]")).to_be_visible()
        expect(self.page.get_by_text("reading …")).to_have_count(0)
        return self.page

    def complaints(self) -> list[str]:
        """What nobody expected."""
        return [text for text in self.said if not any(part in text for part in self.allowed)]


def until(page: Page, expression: str) -> None:
    """Wait until a JavaScript expression is true; Playwright's own waiting needs what the page's policy forbids."""
    for _ in range(_SHOWS_MS // 40):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(40)
    pytest.fail(f"never true: {expression}")


Opener = Callable[..., Opened]


@contextmanager
def opener(browser: Browser) -> Iterator[Opener]:
    """Opens the page of a daemon; at the end no page may have written an error into its console."""
    opened: list[Opened] = []

    def make(daemon: Daemon, width: int = 1480, scheme: Scheme = "light", **more: Any) -> Opened:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
        page.set_default_timeout(_SHOWS_MS)
        made = Opened(page, daemon.address)
        page.on("console", lambda message: made.said.append(message.text))
        page.on("pageerror", lambda error: made.said.append(str(error)))
        opened.append(made)
        return made

    expect.set_options(timeout=_SHOWS_MS)
    yield make
    for one in opened:
        one.page.close()
    assert [text for one in opened for text in one.complaints()] == []


@pytest.fixture
def open_page(dashboard_browser: Browser) -> Iterator[Opener]:
    """Opens pages for one test."""
    with opener(dashboard_browser) as make:
        yield make
