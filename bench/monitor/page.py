"""How soon the page is there, and how busy it keeps a browser: first paint, main thread, record to screen.

    python -m bench.monitor.page [events a second] [seconds] [events kept]

One Chromium and nineteen plain readers watch while a hundred sources are known and one sends. A delay is from an
event's time to the frame in which the browser shows it as the newest row; busy is the time that the browser's main
thread spent on tasks, with the timeline in sight.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from bench.monitor import stream as stream_bench
from tests.daemons import Daemon, now_us, running, sending, source

EVENTS_PER_S, SECONDS = 5000, 8.0
READERS, SOURCES = 19, 100
KEPT = 1_000_000
BUSY, PAINT_MS, DELAY_MS = 0.5, 1000.0, 150.0
PARTS = ("Script", "Layout", "RecalcStyle")
_BATCH_S = 0.05
_WARM_S = 3.0
_KINDS = ("redis", "redis", "redis", "websocket", "websocket", "supabase", "kimi", "glm", "auth", "config")
_encode = msgspec.json.Encoder().encode

# Each frame: how old is the newest row that was drawn since the frame before? Rows show the time within the minute.
WATCH = """() => {
  window.delays = []
  let before = ''
  const look = () => {
    const text = document.querySelector("#timeline .row[aria-rowindex='2'] .time")?.textContent ?? ''
    if (text !== before && text) {
      const [, s, ms] = text.match(/:(\\d\\d)\\.(\\d{3})$/)
      window.delays.push((Date.now() % 60000 - (Number(s) * 1000 + Number(ms)) + 60000) % 60000)
    }
    before = text
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}"""


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds to the first paint and to the first rows; the main thread's share; delays; what the page counted."""

    paint_ms: float
    rows_ms: float
    busy: float
    parts: dict[str, float]
    delays_ms: list[float]
    shown: str


def run(rate: int = EVENTS_PER_S, seconds: float = SECONDS, kept: int = KEPT) -> list[str]:
    """The figures, each with its bound."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pgfold-bench-"))
        daemon = stack.enter_context(running(Path(folder)))
        fill(daemon, kept)
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        stack.callback(browser.close)
        measured = measure(daemon, browser, rate, seconds)
    return list(_lines(measured, rate, kept))


def _lines(measured: Measured, rate: int, kept: int) -> Iterator[str]:
    delays = sorted(measured.delays_ms) or [float("nan")]
    p50, p99 = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
    yield f"first paint {measured.paint_ms:.0f} ms (at most {PAINT_MS:.0f}), the newest rows {measured.rows_ms:.0f} ms"
    yield f"  with {SOURCES} sources and {kept:,} events kept"
    parts = ", ".join(f"{part.lower()} {share:.0%}" for part, share in measured.parts.items())
    busy = f"{measured.busy:.0%} (at most {BUSY:.0%}; {parts})"
    yield f"main thread busy at {rate:,} events a second: {busy}"
    yield f"record to screen beside {READERS} readers: p50 {p50:.0f} ms, p99 {p99:.0f} ms (at most {DELAY_MS:.0f})"
    yield f"the page counted {measured.shown}"


def fill(daemon: Daemon, kept: int) -> None:
    """A hundred sources, and a history."""
    each = kept // SOURCES
    for number in range(SOURCES):
        with sending(daemon, source(f"api-{number}", 1000 + number)) as sender:
            for first in range(0, each, 5000):
                size = min(5000, each - first)
                _send(sender.socket, sender.number + 1, sender.recorded + size, events(size, 3600.0 * number / SOURCES))
                sender.number += 1
                sender.recorded += size
                sender.answer()


def _send(socket: object, number: int, recorded: int, made: list[dict[str, object]]) -> None:
    batch = {"type": "batch", "number": number, "recorded": recorded, "dropped": {}, "events": made}
    socket.send(_encode(batch).decode())  # type: ignore[attr-defined]


def events(size: int, ago_s: float = 0.0) -> list[dict[str, object]]:
    """Of several kinds, some failed."""
    at_us = now_us() - int(ago_s * 1e6)
    return [
        {
            "at_us": at_us,
            "name": "db.query",
            "kind": _KINDS[n % len(_KINDS)],
            "direction": "out",
            "duration_ns": 1_000_000 + n * 999,
            "outcome": "error" if n % 97 == 0 else "ok",
            "trace_id": f"{at_us * 10_000 + n:032x}",
        }
        for n in range(size)
    ]


def measure(daemon: Daemon, browser: Browser, rate: int, seconds: float) -> Measured:
    """Open the page, then watch it while events come."""
    page = browser.new_page(viewport={"width": 1480, "height": 900})
    began = time.monotonic()
    page.goto(daemon.addresses["page"])
    page.locator("#timeline .rows .row").first.wait_for()
    rows_ms = (time.monotonic() - began) * 1000
    paint_ms = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    stop = threading.Event()
    with ExitStack() as stack:
        readers = multiprocessing.get_context("spawn").Process(target=read, args=(daemon.stream,), name="readers")
        feeding = threading.Thread(target=feed, args=(daemon, rate, stop), name="feed")
        for part in (readers, feeding):
            part.start()
            stack.callback(part.join)
        stack.callback(readers.terminate)
        stack.callback(stop.set)
        page.wait_for_timeout(_WARM_S * 1000)
        page.evaluate("document.getElementById('timeline').scrollIntoView()")
        page.evaluate(WATCH)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        before, at = counters(session), time.monotonic()
        page.wait_for_timeout(seconds * 1000)
        after, lasted = counters(session), time.monotonic() - at
        return Measured(
            paint_ms=paint_ms,
            rows_ms=rows_ms,
            busy=(after["TaskDuration"] - before["TaskDuration"]) / lasted,
            parts={part: (after[f"{part}Duration"] - before[f"{part}Duration"]) / lasted for part in PARTS},
            delays_ms=page.evaluate("window.delays"),
            shown=shown(page),
        )


def counters(session: CDPSession) -> dict[str, float]:
    """Chromium's own sums, in seconds."""
    return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}


def shown(page: Page) -> str:
    """What the page says of its rows."""
    return page.locator(".counts [role=status]").inner_text()


def feed(daemon: Daemon, rate: int, stop: threading.Event) -> None:
    """A batch each 50 ms, as an application's sender does."""
    size = round(rate * _BATCH_S)
    with sending(daemon, source("feeding-1", 1)) as sender:
        due = time.monotonic()
        while not stop.is_set():
            _send(sender.socket, sender.number + 1, sender.recorded + size, events(size))
            sender.number += 1
            sender.recorded += size
            sender.answer()
            due += _BATCH_S
            time.sleep(max(0.0, due - time.monotonic()))


def read(stream: str) -> None:
    """Pages that only read, in a process of their own, until it is ended."""

    async def all_of_them() -> None:
        loop, parts, unused = asyncio.get_running_loop(), urlsplit(stream), stream_bench.Measured()
        for _ in range(READERS):
            reader = partial(stream_bench.Page, parts.netloc, unused)
            await loop.create_connection(reader, parts.hostname or "", parts.port or 0)
        await asyncio.Event().wait()

    asyncio.run(all_of_them())


if __name__ == "__main__":
    asked = [float(text) for text in sys.argv[1:4]] + [EVENTS_PER_S, SECONDS, float(KEPT)][len(sys.argv) - 1 :]
    print("\n".join(run(int(asked[0]), asked[1], int(asked[2]))))
