"""How many events a second go into the history for as long as one likes, and how fast the newest page is then.

    python -m bench.monitor.ingest [seconds]

Four processes' worth of connections send batches that were made beforehand, as fast as they are acknowledged, with
trace ids and attributes as an application's events have them. Counted is what was committed to disk.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil
from websockets.asyncio.client import connect

from tests.daemons import Daemon, fetch, now_us, running, source

SECONDS = 20.0
SENDERS = 4
BATCH = 1000
AHEAD = 4
FLOOR_PER_S = 30_000
PAGE_MS = 50.0
FLAT = 1.25  # memory at the end, of that at half time


@dataclass(slots=True)
class Measured:
    """Events stored, and the daemon's memory as it went, in bytes."""

    stored: int = 0
    took_s: float = 0.0
    cpu_s: float = 0.0
    memory: list[int] = field(default_factory=list)


def run(seconds: float = SECONDS) -> list[str]:
    """The figures, each with its floor or bound."""
    with tempfile.TemporaryDirectory(prefix="pgfold-bench-") as folder, running(Path(folder)) as daemon:
        measured = asyncio.run(_load(daemon, seconds))
        fill = max(0, 1_000_000 - measured.stored)
        asyncio.run(_load(daemon, 120.0, fill))
        pages = {name: _page_ms(daemon, query) for name, query in _QUERIES.items()}
        return list(_lines(measured, pages))


_QUERIES = {
    "newest page": "limit=200",
    "newest page of a kind": "limit=200&kind=redis",
    "newest errors": "limit=200&outcome=error",
    "a word that one event has": "limit=200&q=user-77%2B3",
}


def _lines(measured: Measured, pages: dict[str, float]) -> Iterator[str]:
    rate = measured.stored / measured.took_s
    yield f"events stored: {rate:,.0f} a second (at least {FLOOR_PER_S:,}), {measured.stored:,} in all"
    cpu_us = measured.cpu_s / measured.stored * 1e6
    yield f"the daemon's CPU time: {cpu_us:.1f} us an event (33.3 is one core at the floor)"
    half, end = measured.memory[len(measured.memory) // 2], measured.memory[-1]
    yield f"its memory: {half / 2**20:.0f} MiB at half time, {end / 2**20:.0f} MiB at the end (at most {FLAT} of it)"
    for name, took_ms in pages.items():
        yield f"{name} of a million events: {took_ms:.1f} ms" + (
            f" (at most {PAGE_MS:.0f})" if "newest" in name else ""
        )


async def _load(daemon: Daemon, seconds: float, events: int | None = None) -> Measured:
    """Send for so many seconds, or until so many events are stored."""
    measured = Measured()
    process = psutil.Process(daemon.process.pid)
    began, cpu = time.monotonic(), sum(process.cpu_times()[:2])
    until = began + seconds
    async with asyncio.TaskGroup() as group:
        for number in range(SENDERS):
            group.create_task(_send(daemon, number, until, events, measured), name=f"sender {number}")
        watcher = group.create_task(_watch(process, until, events, measured), name="memory")
        del watcher
    measured.took_s = time.monotonic() - began
    measured.cpu_s = sum(process.cpu_times()[:2]) - cpu
    return measured


async def _watch(process: psutil.Process, until: float, events: int | None, measured: Measured) -> None:
    while time.monotonic() < until and (events is None or measured.stored < events):
        measured.memory.append(process.memory_info().rss)
        await asyncio.sleep(0.5)


async def _send(daemon: Daemon, number: int, until: float, events: int | None, measured: Measured) -> None:
    templates = [_template(number, batch) for batch in range(8)]
    async with connect(daemon.ingest, compression=None, max_size=None) as socket:
        hello = {"type": "hello", "protocol": 1, "source": source(f"api-{number}", os.getpid() + number)}
        await socket.send(json.dumps(hello))
        await socket.recv()
        sent = acknowledged = 0
        while time.monotonic() < until and (events is None or measured.stored < events):
            while sent - acknowledged < AHEAD:
                sent += 1
                head = f'{{"type":"batch","number":{sent},"recorded":{sent * BATCH},"events":['
                await socket.send(head + templates[sent % 8].replace("AT_US", str(now_us())[:-3]) + "]}")
            answer = json.loads(await socket.recv())
            measured.stored += (answer["number"] - acknowledged) * BATCH - answer.get("refused", 0)
            acknowledged = answer["number"]
        while acknowledged < sent:
            answer = json.loads(await socket.recv())
            measured.stored += (answer["number"] - acknowledged) * BATCH
            acknowledged = answer["number"]


def _template(number: int, batch: int) -> str:
    """Events as JSON, with a place for the time's milliseconds."""
    return ",".join(_event(number, batch, each) for each in range(BATCH))


def _event(number: int, batch: int, each: int) -> str:
    kind, name = (("supabase", "db.query"), ("redis", "redis.get"), ("websocket", "ws.message"))[each % 3]
    trace = f"{number + 1:08x}{batch:08x}{each // 5:016x}"
    outcome = ',"outcome":"error","error_type":"TimeoutError"' if each % 200 == 7 else ""
    attributes = {"db.system.name": "postgresql", "db.operation.name": "SELECT", "db.collection.name": "issues",
                  "user.id": f"user-{each}+{number}"}  # fmt: skip
    return (
        f'{{"at_us":AT_US{each % 1000:03d},"name":"{name}","kind":"{kind}","direction":"out","duration_ns":'
        f'{100_000 + each * 977},"size_bytes":{each},"trace_id":"{trace}","weight":5{outcome},'
        f'"attributes":{json.dumps(attributes, separators=(",", ":"))}}}'
    )


def _page_ms(daemon: Daemon, query: str) -> float:
    """As a browser would ask, from the request to the last byte; the median of nine."""
    taken = []
    for _ in range(9):
        began = time.perf_counter()
        status, _, _ = fetch(f"{daemon.addresses['page']}api/events?{query}")
        taken.append((time.perf_counter() - began) * 1000)
        assert status == 200
    return median(taken)


if __name__ == "__main__":
    print("\n".join(run(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)))
