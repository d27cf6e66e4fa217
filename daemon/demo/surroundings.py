"""What both of the demo's processes need, and how each begins and ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

import httpx
import psycopg
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

import monitoring
from daemon.demo.spells import Weather
from monitoring.calls import record_configuration
from monitoring.integrations.httpx import monitor_httpx
from monitoring.integrations.logging import monitor_logging
from monitoring.integrations.psycopg import monitor_psycopg
from monitoring.integrations.redis import monitor_redis
from monitoring.integrations.websockets import monitor_websockets

logger = logging.getLogger("demo")

VERSION = "0.1.0"
TOKEN = "demo-user"  # lets anybody in who knows it; there is nothing to protect


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is."""

    database_url: str
    redis_url: str | None
    kimi: str
    glm: str
    websocket_port: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Open connections to all of it."""

    addresses: Addresses
    database: psycopg.AsyncConnection[tuple[object, ...]]
    redis: redis.asyncio.Redis | None
    http: httpx.AsyncClient
    weather: Weather
    chance: Random


def begin(service: str, addresses: Addresses) -> None:
    """Monitoring, one line an integration."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=f"{service}: %(message)s")
    monitoring.start(service, instance=f"{service}-1", version=VERSION)
    monitor_psycopg()
    monitor_redis()
    monitor_websockets()
    monitor_httpx(kinds={addresses.kimi.split("//")[1]: "kimi", addresses.glm.split("//")[1]: "glm"})
    monitor_logging()
    record_configuration("demo", settings=5)


def run(work: Callable[[Surroundings], Awaitable[None]], addresses: Addresses) -> None:
    """Run until told to stop, or until the process that started us is gone."""
    asyncio.run(_run(work, addresses))


async def _run(work: Callable[[Surroundings], Awaitable[None]], addresses: Addresses) -> None:
    database = await psycopg.AsyncConnection.connect(addresses.database_url, autocommit=True)
    async with database, httpx.AsyncClient(timeout=20, trust_env=False) as http:
        cache = _redis(addresses.redis_url)
        around = Surroundings(addresses, database, cache, http, Weather(time.time), Random(os.getpid()))
        working = asyncio.ensure_future(work(around))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, working.cancel)
        watching = asyncio.create_task(_end_with_parent(working, os.getppid()))
        await asyncio.gather(working, return_exceptions=True)
        watching.cancel()
        if cache is not None:
            await cache.aclose()


def _redis(url: str | None) -> redis.asyncio.Redis | None:
    if url is None:
        return None
    return redis.asyncio.Redis.from_url(url, retry=Retry(ConstantBackoff(0.1), 20))


async def _end_with_parent(working: asyncio.Future[None], parent: int) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(0.5)
    working.cancel()
