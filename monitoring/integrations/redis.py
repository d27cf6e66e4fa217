"""redis-py: each command and pipeline of its clients, sync and asyncio, and each connection opened and closed.

from monitoring.integrations.redis import monitor_redis

monitor_redis()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.client
import redis.asyncio.connection
import redis.client
import redis.connection

from monitoring.calls import record_close, record_open
from monitoring.conventions import DB_BATCH_SIZE, DB_OPERATION, DB_SYSTEM
from monitoring.integrations.patches import Patches, Undo
from monitoring.recorder import CallSite, call_site, clock
from monitoring.settings import Rule, settings

PATCHES = Patches()

LOOKUPS = frozenset({
    "BITCOUNT", "BITPOS", "DBSIZE", "ECHO", "EXISTS", "EXPIRETIME", "GEODIST", "GEOHASH", "GEOPOS", "GEOSEARCH", "GET",
    "GETBIT", "GETRANGE", "HEXISTS", "HGET", "HGETALL", "HKEYS", "HLEN", "HMGET", "HRANDFIELD", "HSCAN", "HSTRLEN",
    "HVALS", "KEYS", "LINDEX", "LLEN", "LPOS", "LRANGE", "MGET", "OBJECT", "PEXPIRETIME", "PFCOUNT", "PING", "PTTL",
    "RANDOMKEY", "SCAN", "SCARD", "SDIFF", "SET", "SINTER", "SISMEMBER", "SMEMBERS", "SMISMEMBER", "SRANDMEMBER",
    "SSCAN", "STRLEN", "SUNION", "TIME", "TTL", "TYPE", "XINFO", "XLEN", "XPENDING", "XRANGE", "XREAD", "XREVRANGE",
    "ZCARD", "ZCOUNT", "ZLEXCOUNT", "ZMSCORE", "ZRANDMEMBER", "ZRANGE", "ZRANK", "ZREVRANK", "ZSCAN", "ZSCORE",
})  # fmt: skip
"""Commands that look up, and SET without a condition: one in ten is recorded. All others are, and SET with NX or XX."""

_MOST_COMMANDS = 500
_OPENED = "_pgfold_opened"

_sites: dict[Any, CallSite] = {}


def monitor_redis() -> Undo:
    """Watch every client and connection of redis-py from here on; returns what ends it."""
    if not settings().enabled or PATCHES.installed:
        return PATCHES.undo
    PATCHES.replace(redis.client.Redis, "execute_command", _watched)
    PATCHES.replace(redis.asyncio.client.Redis, "execute_command", _watched_async)
    PATCHES.replace(redis.client.Pipeline, "execute", _watched_pipeline)
    PATCHES.replace(redis.asyncio.client.Pipeline, "execute", _watched_async_pipeline)
    for connection in (redis.connection.Connection, redis.connection.UnixDomainSocketConnection):
        PATCHES.replace(connection, "_connect", _watched_connect)
    PATCHES.replace(redis.connection.AbstractConnection, "disconnect", _watched_disconnect)
    for other in (redis.asyncio.connection.Connection, redis.asyncio.connection.UnixDomainSocketConnection):
        PATCHES.replace(other, "_connect", _watched_async_connect)
    PATCHES.replace(redis.asyncio.connection.AbstractConnection, "disconnect", _watched_async_disconnect)
    return PATCHES.undo


def _watched(execute: Callable[..., Any]) -> Callable[..., Any]:
    def run(client: Any, *args: Any, **options: Any) -> Any:
        try:
            site = _sites[args[0]] if len(args) < 4 or args[0] != "SET" else _find(args)
        except KeyError:
            site = _find(args)
        started = clock()
        try:
            answer = execute(client, *args, **options)
        except BaseException as error:
            site.failed(started, error)
            raise
        if site.left:
            site.done(started)
        else:
            site.done(started, _size(args, answer))
        return answer

    return run


def _watched_async(execute: Callable[..., Any]) -> Callable[..., Any]:
    async def run(client: Any, *args: Any, **options: Any) -> Any:
        try:
            site = _sites[args[0]] if len(args) < 4 or args[0] != "SET" else _find(args)
        except KeyError:
            site = _find(args)
        started = clock()
        try:
            answer = await execute(client, *args, **options)
        except BaseException as error:
            site.failed(started, error)
            raise
        if site.left:
            site.done(started)
        else:
            site.done(started, _size(args, answer))
        return answer

    return run


def _watched_pipeline(execute: Callable[..., Any]) -> Callable[..., Any]:
    site = _site("pipeline", "PIPELINE", Rule.ALL)

    def run(pipeline: Any, *args: Any, **kwargs: Any) -> Any:
        with site.measured(attributes={DB_BATCH_SIZE: len(pipeline.command_stack)}):
            return execute(pipeline, *args, **kwargs)

    return run


def _watched_async_pipeline(execute: Callable[..., Any]) -> Callable[..., Any]:
    site = _site("pipeline", "PIPELINE", Rule.ALL)

    async def run(pipeline: Any, *args: Any, **kwargs: Any) -> Any:
        with site.measured(attributes={DB_BATCH_SIZE: len(pipeline.command_stack)}):
            return await execute(pipeline, *args, **kwargs)

    return run


def _watched_connect(connect: Callable[..., Any]) -> Callable[..., Any]:
    def run(connection: Any) -> Any:
        started = clock()
        try:
            answer = connect(connection)
        except BaseException as error:
            record_open("redis", started=started, error=error)
            raise
        _opened(connection, started)
        return answer

    return run


def _watched_async_connect(connect: Callable[..., Any]) -> Callable[..., Any]:
    async def run(connection: Any) -> Any:
        started = clock()
        try:
            answer = await connect(connection)
        except BaseException as error:
            record_open("redis", started=started, error=error)
            raise
        _opened(connection, started)
        return answer

    return run


def _watched_disconnect(disconnect: Callable[..., Any]) -> Callable[..., Any]:
    def run(connection: Any, *args: Any, **kwargs: Any) -> Any:
        _closed(connection)
        return disconnect(connection, *args, **kwargs)

    return run


def _watched_async_disconnect(disconnect: Callable[..., Any]) -> Callable[..., Any]:
    async def run(connection: Any, *args: Any, **kwargs: Any) -> Any:
        _closed(connection)
        return await disconnect(connection, *args, **kwargs)

    return run


def _opened(connection: Any, started: float) -> None:
    record_open("redis", started=started)
    setattr(connection, _OPENED, clock())


def _closed(connection: Any) -> None:
    opened: float | None = getattr(connection, _OPENED, None)
    if opened is not None:
        setattr(connection, _OPENED, None)
        record_close("redis", started=opened)


def _find(args: tuple[Any, ...]) -> CallSite:
    """The call site of a command; a SET that takes a lock is one of its own."""
    command = str(args[0]).split(" ")[0].upper()
    if command == "SET" and any(word in ("NX", "XX") for word in args[3:]):
        key, name, rule = "SET NX", "lock", Rule.ALL
    else:
        key, name = args[0], command.lower()
        rule = Rule.LOOKUP if command in LOOKUPS else Rule.ALL
    site = _sites.get(key)
    if site is None:
        if len(_sites) >= _MOST_COMMANDS:
            key, name, command = "OTHER", "other", "OTHER"
        site = _sites[key] = _site(name, command, rule)
    return site


def _site(name: str, operation: str, rule: Rule) -> CallSite:
    return call_site(f"redis.{name}", "redis", "out", rule, {DB_SYSTEM: "redis", DB_OPERATION: operation})


def _size(args: tuple[Any, ...], answer: Any) -> int | None:
    """The bytes of the value that was set, or that came."""
    value = args[2] if args[0] == "SET" and len(args) > 2 else answer
    if isinstance(value, bytes):
        return len(value)
    return len(value.encode()) if isinstance(value, str) else None
