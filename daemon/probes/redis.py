"""Redis: does it answer, how soon, and how much of its memory is in use."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from daemon.probes.finding import Finding, Status
from daemon.wording import duration, one_line, percent, size


@dataclass(frozen=True, slots=True)
class RedisLimits:
    """From where on Redis is degraded; the share is of its own `maxmemory`."""

    slow_s: float = 0.1
    memory_high: float = 0.9


DOWN = "What is cached or locked in Redis is out of reach."


async def look_at_redis(url: str | None, limits: RedisLimits, timeout_s: float) -> Finding:
    """Connect anew, PING, and ask for its memory."""
    if url is None:
        return Finding(Status.DISABLED, "No Redis is named: set REDIS_URL.")
    try:
        from redis.asyncio import Redis
        from redis.exceptions import RedisError
    except ImportError:
        return Finding(Status.UNKNOWN, "REDIS_URL is set, and the library redis is missing: pip install redis.")
    began = time.perf_counter()
    try:
        client = Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=None)
        async with client:
            await client.ping()
            latency_s = time.perf_counter() - began
            return judge(await client.info("memory"), latency_s, limits)
    except (RedisError, OSError, ValueError) as error:
        said = f"Redis refused after {duration(time.perf_counter() - began)}: {one_line(error)}"
        return Finding(Status.UNHEALTHY, said, DOWN)


def judge(memory: Mapping[str, object], latency_s: float, limits: RedisLimits) -> Finding:
    """The finding of an answer that took so long; `memory` is that section of INFO."""
    used, most = int(str(memory["used_memory"])), int(str(memory.get("maxmemory", 0)))
    room = f"{size(used)} of {size(most)} used" if most else f"{size(used)} used, and no maxmemory is set"
    answers = f"Answers in {duration(latency_s)}; {room}."
    if most and used / most >= limits.memory_high:
        meaning = "It evicts keys or refuses writes when it is full."
        return Finding(Status.DEGRADED, f"{percent(used / most)} full. {answers}", meaning, latency_s)
    if latency_s >= limits.slow_s:
        slow = f"Slow: more than {duration(limits.slow_s)}. {answers}"
        return Finding(Status.DEGRADED, slow, "Each lookup waits longer.", latency_s)
    return Finding(Status.HEALTHY, answers, "Caches and locks work as usual.", latency_s)
