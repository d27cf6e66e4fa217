"""redis-py against Debian's redis-server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

import monitoring
from monitoring.integrations.redis import monitor_redis
from tests.fix_redis import RedisServer
from tests.ingest import Ingest

Monitored = Callable[[], Ingest]


@pytest.fixture(autouse=True)
def _watched() -> Iterator[None]:
    undo = monitor_redis()
    yield
    undo()


def test_writes_and_locks_are_all_recorded_in_their_request(monitored: Monitored, redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as client, monitoring.trace() as trace_id:
        client.set("key", "secret")
        client.incr("count")
        client.delete("key", "count")
        client.hset("hash", mapping={"a": 1, "b": 2, "c": 3})
        with client.lock("lock", timeout=5):
            pass
        with client.pipeline() as pipeline:
            pipeline.set("a", 1)
            pipeline.get("a")
            pipeline.execute()
        with pytest.raises(redis.ResponseError):
            client.lpush("hash", "x")
    events = [event for event in monitored().events if event.trace_id == trace_id and event.weight == 1]
    found = [
        (event.name, event.outcome, event.error_type) for event in events if not event.name.startswith("redis.script")
    ]
    assert found == [
        ("redis.open", "ok", None),
        ("redis.incrby", "ok", None),
        ("redis.del", "ok", None),
        ("redis.hset", "ok", None),
        ("redis.lock", "ok", None),
        *[
            (name, "error", "NoScriptError")
            for name in ["redis.evalsha"]
            if any(e.outcome == "error" and e.name == name for e in events)
        ],
        ("redis.evalsha", "ok", None),
        ("redis.pipeline", "ok", None),
        ("redis.lpush", "error", "ResponseError"),
    ]
    assert all((event.duration_ns or 0) > 1000 for event in events)
    assert "secret" not in str(events)


def test_get_and_set_are_a_sample_of_one_in_ten_with_their_size(
    monitored: Monitored, redis_server: RedisServer
) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        for _ in range(305):
            client.set("key", "x" * 100)
            client.get("key")
    ingest = monitored()
    for name in ("redis.set", "redis.get"):
        events = [event for event in ingest.named(name) if event.weight > 1]
        assert {event.weight for event in events} == {10}
        assert abs(sum(event.weight for event in ingest.named(name)) - 305) < 20  # a block begun and a block not ended
        assert {event.size_bytes for event in events} == {100}


def test_asyncio_clients_are_watched_as_the_others_are(monitored: Monitored, redis_server: RedisServer) -> None:
    async def run() -> str:
        async with redis.asyncio.Redis.from_url(redis_server.url) as client:
            with monitoring.trace() as trace_id:
                await client.set("key", "x")
                await client.incr("number")
                async with client.pipeline() as pipeline:
                    pipeline.get("key")  # type: ignore[unused-awaitable]  # it is the pipeline itself
                    await pipeline.execute()
                with pytest.raises(redis.ResponseError):
                    await client.incr("key")
                return trace_id

    trace_id = asyncio.run(run())
    ingest = monitored()
    found = [
        (e.name, e.outcome) for e in ingest.events if e.trace_id == trace_id and e.weight == 1 and e.name != "redis.set"
    ]
    assert found == [
        ("redis.open", "ok"), ("redis.incrby", "ok"), ("redis.pipeline", "ok"), ("redis.incrby", "error"),
    ]  # fmt: skip
    assert len(ingest.named("redis.close")) == 1


def test_connections_are_opened_and_closed_once_and_a_refused_one_is_an_error(
    monitored: Monitored, redis_server: RedisServer
) -> None:
    client = redis.Redis.from_url(redis_server.url)
    for _ in range(5):
        client.ping()
    client.connection_pool.disconnect()
    client.ping()
    client.close()
    with redis.Redis(port=1, retry=Retry(NoBackoff(), 0)) as nowhere, pytest.raises(redis.ConnectionError):
        nowhere.ping()
    ingest = monitored()
    assert [len(ingest.named(name)) for name in ("redis.open", "redis.close")] == [2, 2]
    assert {event.outcome for event in ingest.named("redis.connect")} == {"error"}
