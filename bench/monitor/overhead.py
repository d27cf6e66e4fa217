"""What monitoring adds to an application's CPU time: the same work with it on and off, at the rules' own rates."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import fmean
from time import process_time, thread_time
from typing import Any

import psycopg
import redis
import websockets.asyncio.client
import websockets.asyncio.server

import monitoring
from bench.ratios import Ratio
from daemon.demo.redis_server import redis_serving
from monitoring.integrations.psycopg import monitor_psycopg
from monitoring.integrations.redis import monitor_redis
from monitoring.integrations.websockets import monitor_websockets
from monitoring.settings import Settings
from pipelines.database.embedded import embedded_server

_ROUNDS = 150
_OPERATIONS = 200
_QUERY = "SELECT id, name, kind, at FROM things WHERE kind = %s LIMIT 50"
_INGEST = """
import sys
from tests.ingest import Ingest
server = Ingest()
server.listen()
print(server.url, flush=True)
sys.stdin.read()
"""

Loop = Callable[[], None]
Measured = tuple[Loop, Callable[[], Loop], float]


def run() -> list[str]:
    """CPU time of this process an operation, its sender included; the other sides run in processes of their own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgfold-bench-")))
        settings = Settings(ingest_url=stack.enter_context(_ingest()), spool=folder / "spool")
        loops: dict[str, Measured] = {}
        server = stack.enter_context(embedded_server(folder / "server", durable=False))
        loops["a psycopg loop of 50 rows"] = (_queries(stack, server.url), monitor_psycopg, 1.02)
        loops["a WebSocket echo"] = (_echoes(stack), monitor_websockets, 1.05)
        url = stack.enter_context(redis_serving())
        if url is not None:
            loops["a Redis get/set loop"] = (_commands(stack, url), monitor_redis, 1.05)
        return [str(_measure(name, how, settings)) for name, how in loops.items()]


def _measure(name: str, measured: Measured, settings: Settings) -> Ratio:
    """In turn with and without. The work's own thread: the least of many short turns, for what else the machine does
    only ever adds to it. The sender's thread, whose batches fall into few of the turns: the mean of all."""
    loop, install, limit = measured
    monitoring.start("bench", settings=settings)
    off, on, sender = [], [], []
    for _ in range(_ROUNDS):
        off.append(_turn(loop)[0])
        undo = install()
        own, others = _turn(loop)
        on.append(own)
        sender.append(others)
        undo()
    monitoring.stop()
    without = min(off)
    line = f"{name}, {without * 1e6:.0f} µs an operation, on against off"
    return Ratio(line, (min(on) + fmean(sender)) / without, limit)


def _turn(loop: Loop) -> tuple[float, float]:
    """CPU seconds an operation: of this thread in the second half of the turn, of all others in the whole of it."""
    begun, begun_here = process_time(), thread_time()
    loop()  # until the interpreter has adapted to what was replaced
    halfway = thread_time()
    loop()
    ended = thread_time()
    others = process_time() - begun - (ended - begun_here)
    return (ended - halfway) / _OPERATIONS, max(others, 0.0) / (2 * _OPERATIONS)


def _queries(stack: ExitStack, url: str) -> Loop:
    connection = stack.enter_context(psycopg.connect(url, autocommit=True))
    connection.execute("CREATE TABLE things AS SELECT n AS id, 'thing ' || n AS name, n % 50 AS kind, now() AS at"
                       " FROM generate_series(1, 2500) AS n")  # fmt: skip
    connection.execute("CREATE INDEX ON things (kind)")

    def loop() -> None:
        for number in range(_OPERATIONS):
            connection.execute(_QUERY, (number % 50,)).fetchall()

    return loop


def _echoes(stack: ExitStack) -> Loop:
    runner = stack.enter_context(asyncio.Runner())
    message = "x" * 200

    async def echo(connection: Any) -> None:
        async for text in connection:
            await connection.send(text)

    async def talk() -> None:
        async with websockets.asyncio.server.serve(echo, "127.0.0.1", 0, compression=None) as server:
            port = server.sockets[0].getsockname()[1]
            url = f"ws://127.0.0.1:{port}"
            async with websockets.asyncio.client.connect(url, compression=None, proxy=None) as client:
                for _ in range(_OPERATIONS):
                    await client.send(message)
                    await client.recv()

    return lambda: runner.run(talk())


def _commands(stack: ExitStack, url: str) -> Loop:
    client = stack.enter_context(redis.Redis.from_url(url))
    stack.callback(client.connection_pool.disconnect)

    def loop() -> None:
        for number in range(_OPERATIONS // 2):
            client.set("key", number)
            client.get("key")

    return loop


@contextmanager
def _ingest() -> Iterator[str]:
    """An /ingest in another process, whose time is not counted."""
    process = subprocess.Popen(
        [sys.executable, "-c", _INGEST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate("", timeout=10)
