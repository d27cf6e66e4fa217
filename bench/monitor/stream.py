"""How late events reach many open pages: from their record to the last byte of their frame at each of them.

    python -m bench.monitor.stream [clients] [events a second] [seconds]

The clients are one process of plain sockets, so that they do not take the time they measure; every one checks that the
numbers it gets have no hole.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import psutil
import uvloop
from websockets.asyncio.client import connect

from tests.daemons import Daemon, now_us, running, source

CLIENTS, EVENTS_PER_S, SECONDS = 1000, 1000, 10.0
BOUND_MS = 100.0
_BATCH_S = 0.05
_WARM_S = 2.0
_HEAD_BYTES = 200
_EVENTS = re.compile(rb'"first":(\d+),"last":(\d+),"events":\[{"at_us":(\d+)')


@dataclass(slots=True)
class Measured:
    """Delays in milliseconds, one a frame and client; holes seen; the daemon's share of a core."""

    delays_ms: list[float] = field(default_factory=list)
    events: int = 0
    holes: int = 0
    gaps: int = 0
    share: float = 0.0
    counting: bool = False


class Page(asyncio.Protocol):
    """A client that reads frames and nothing else."""

    def __init__(self, host: str, measured: Measured) -> None:
        self._host, self._measured = host, measured
        self._buffer = bytearray()
        self._open = False
        self._next: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's own is none of asyncio's classes
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /monitoring HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        transport.write(_masked(json.dumps({"type": "subscribe", "protocol": 1, "from": None}).encode()))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if not self._open:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            assert buffer.startswith(b"HTTP/1.1 101"), bytes(buffer[:80])
            del buffer[: end + 4]
            self._open = True
        while (size := _frame_size(buffer)) is not None and len(buffer) >= size:
            self._read(bytes(buffer[:_HEAD_BYTES]))
            del buffer[:size]

    def _read(self, head: bytes) -> None:
        told = _EVENTS.search(head)
        if told is None:
            self._measured.gaps += b'"type":"gap"' in head[:40]
            return
        first, last, at_us = map(int, told.groups())
        self._measured.holes += self._next is not None and first != self._next
        self._next = last + 1
        if self._measured.counting:
            self._measured.delays_ms.append((now_us() - at_us) / 1000)
            self._measured.events += last - first + 1


def run(clients: int = CLIENTS, rate: int = EVENTS_PER_S, seconds: float = SECONDS) -> list[str]:
    """The figures, each with its bound."""
    with (
        tempfile.TemporaryDirectory(prefix="pgfold-bench-") as folder,
        running(Path(folder)) as daemon,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        measured = runner.run(_measure(daemon, clients, rate, seconds))
    return list(_lines(measured, clients, rate))


def _lines(measured: Measured, clients: int, rate: int) -> Iterator[str]:
    delays = sorted(measured.delays_ms)
    p50, p99 = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
    who = f"{clients:,} clients at {rate:,} events a second"
    yield f"{who}: p50 {p50:.0f} ms, p99 {p99:.0f} ms (at most {BOUND_MS:.0f}), slowest {delays[-1]:.0f} ms"
    yield f"{measured.events:,} events received, {measured.holes} holes, {measured.gaps} gaps"
    yield f"the daemon used {measured.share:.0%} of a core"


async def _measure(daemon: Daemon, clients: int, rate: int, seconds: float) -> Measured:
    measured = Measured()
    parts = urlsplit(daemon.stream)
    loop = asyncio.get_running_loop()
    pages = [await loop.create_connection(lambda: Page(parts.netloc, measured), parts.hostname or "", parts.port or 0)
             for _ in range(clients)]  # fmt: skip
    process = psutil.Process(daemon.process.pid)
    async with asyncio.TaskGroup() as group:
        group.create_task(_send(daemon, rate, _WARM_S + seconds), name="sender")
        await asyncio.sleep(_WARM_S)
        began, cpu = time.monotonic(), sum(process.cpu_times()[:2])
        measured.counting = True
        await asyncio.sleep(seconds - _BATCH_S * 4)
        measured.counting = False
        measured.share = (sum(process.cpu_times()[:2]) - cpu) / (time.monotonic() - began)
    for transport, _ in pages:
        transport.close()
    return measured


async def _send(daemon: Daemon, rate: int, seconds: float) -> None:
    """As an application's sender does: a batch each 50 ms, of events that were recorded since the one before."""
    until = time.monotonic() + seconds
    size = round(rate * _BATCH_S)
    async with connect(daemon.ingest, compression=None) as socket:
        await socket.send(json.dumps({"type": "hello", "protocol": 1, "source": source("api-1", os.getpid())}))
        await socket.recv()
        number = 0
        due = time.monotonic()
        while time.monotonic() < until:
            number += 1
            events = [_event(each) for each in range(size)]
            batch = {"type": "batch", "number": number, "recorded": number * size, "events": events}
            await socket.send(json.dumps(batch))
            await socket.recv()
            due += _BATCH_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def _event(number: int) -> dict[str, object]:
    return {"at_us": now_us(), "name": "db.query", "kind": "supabase", "direction": "out", "duration_ns": 1_000_000,
            "trace_id": f"{number + 1:032x}", "attributes": {"db.collection.name": "issues"}}  # fmt: skip


def _frame_size(buffer: bytearray) -> int | None:
    """Of the frame at the beginning, with its head; None where the head is not whole."""
    if len(buffer) < 2:
        return None
    length = buffer[1]
    if length < 126:
        return 2 + length
    extended = 2 if length == 126 else 8
    if len(buffer) < 2 + extended:
        return None
    return 2 + extended + int.from_bytes(buffer[2 : 2 + extended], "big")


def _masked(payload: bytes) -> bytes:
    """A client's text frame of fewer than 126 bytes; its mask is zero, which changes nothing."""
    return bytes((0x81, 0x80 | len(payload))) + b"\0\0\0\0" + payload


if __name__ == "__main__":
    defaults = (CLIENTS, EVENTS_PER_S, SECONDS)
    asked = [float(text) for text in sys.argv[1:4]] + [float(value) for value in defaults[len(sys.argv) - 1 :]]
    print("\n".join(run(int(asked[0]), int(asked[1]), asked[2])))
