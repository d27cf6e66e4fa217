"""`python -m daemon.demo [--database-url postgresql://…] [--ingest ws://…]`: until interrupted.

DATABASE_URL does as well, and shows no password to others on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
import time

import msgspec

from daemon.demo.api import Api
from daemon.demo.providers import serving
from daemon.demo.redis_server import redis_serving
from daemon.demo.spells import Weather
from daemon.demo.surroundings import Addresses, begin, run
from daemon.demo.tables import create_tables
from daemon.demo.worker import Worker

_ALL = {"MONITORING_READ_EVERY": "1", "MONITORING_MESSAGE_EVERY": "1", "MONITORING_LOOKUP_EVERY": "1"}
_PART = "PGFOLD_DEMO_PART"
_STOP_S = 5


def main() -> int:
    """Start the providers, Redis and the two processes, and wait; 1 where one of them ended by itself."""
    part = os.environ.get(_PART)
    if part is not None:
        return _run_part(part)
    parser = _parser()
    arguments = parser.parse_args()
    if not arguments.database_url:
        parser.error("where should its tables be? Set DATABASE_URL, or give --database-url")
    create_tables(arguments.database_url)
    with redis_serving() as redis_url:
        if redis_url is None:
            print("redis-server is not on PATH: the demo goes without Redis", flush=True)
        return asyncio.run(_supervise(arguments.database_url, arguments.ingest, redis_url))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m daemon.demo", description="A small application to watch.")
    parser.add_argument(
        "--database-url",
        default=os.environ.get("DATABASE_URL"),
        help="where its tables are made, in a schema named demo",
    )
    parser.add_argument("--ingest", help="the daemon's address (default: ws://127.0.0.1:8079/ingest)")
    return parser


async def _supervise(database_url: str, ingest: str | None, redis_url: str | None) -> int:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(Weather(time.time)) as providers:
        addresses = Addresses(database_url, redis_url, providers["kimi"], providers["glm"], _free_port())
        # api records everything, so that whole requests are seen; worker samples at the usual rates.
        parts = [await _start("api", addresses, ingest, _ALL), await _start("worker", addresses, ingest, {})]
        print("api-1 and worker-1 are at work", flush=True)
        waits = [asyncio.create_task(part.wait()) for part in parts]
        stop = asyncio.create_task(stopped.wait())
        await asyncio.wait([stop, *waits], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        await _end(parts)
    return 0 if stopped.is_set() else 1


async def _start(
    part: str, addresses: Addresses, ingest: str | None, settings: dict[str, str]
) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        **settings,
        _PART: part,
        "PGFOLD_DEMO_ADDRESSES": msgspec.json.encode(addresses).decode(),
    }
    if ingest is not None:
        environment["MONITORING_INGEST"] = ingest
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "daemon.demo", env=environment)


async def _end(parts: list[asyncio.subprocess.Process]) -> None:
    for part in parts:
        if part.returncode is None:
            part.terminate()
    for part in parts:
        try:
            await asyncio.wait_for(part.wait(), _STOP_S)
        except TimeoutError:
            part.kill()


def _run_part(part: str) -> int:
    addresses = msgspec.json.decode(os.environ["PGFOLD_DEMO_ADDRESSES"], type=Addresses)
    begin(part, addresses)
    if part == "api":
        run(lambda around: Api(around).serve(), addresses)
    else:
        run(lambda around: Worker(around).work(), addresses)
    return 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
