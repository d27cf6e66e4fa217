"""websockets, a real pair: messages, requests, connections, and a trace that goes through all of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
import websockets.asyncio.client
import websockets.asyncio.server
import websockets.sync.client
import websockets.sync.server
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response

import monitoring
from monitoring.integrations.websockets import monitor_websockets, name_request
from monitoring.wire import Event
from tests.ingest import Ingest

Monitored = Callable[[], Ingest]


@pytest.fixture(autouse=True)
def _watched() -> Iterator[None]:
    undo = monitor_websockets()
    yield
    undo()


async def echo(connection: websockets.asyncio.server.ServerConnection) -> None:
    async for message in connection:
        if message == "fail":
            raise RuntimeError("the handler fails")
        if message == "named":
            name_request(connection, "ws.list_issues")
            await asyncio.sleep(1.01)
        if message == "slow":
            await asyncio.sleep(1.01)
        monitoring.event("work.done", "app")
        await connection.send(message)


def talk(*messages: str) -> str:
    """Send each and wait for the echo; returns the client's trace."""

    async def run() -> str:
        async with websockets.asyncio.server.serve(echo, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with monitoring.trace() as trace_id:
                async with websockets.asyncio.client.connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
                    for message in messages:
                        await client.send(message)
                        await client.recv()
        return trace_id

    return asyncio.run(run())


def weighed(events: list[Event]) -> int:
    return sum(event.weight for event in events)


def test_messages_are_a_sample_of_one_in_ten_that_stands_for_all(monitored: Monitored) -> None:
    talk(*(["x" * 50] * 205))
    ingest = monitored()
    for name, true in (("ws.send", 410), ("ws.receive", 205), ("ws.message", 205)):
        events = ingest.named(name)
        assert abs(weighed(events) - true) < 20, name  # a block begun and a block not ended
        assert {event.size_bytes for event in events} == {50}, name
    assert all((event.duration_ns or 0) > 1000 for event in ingest.named("ws.message"))


def test_a_request_is_what_happens_from_one_message_to_the_next(monitored: Monitored) -> None:
    talk("a", "slow", "b")
    ingest = monitored()
    work = ingest.named("work.done")
    slow = [event for event in ingest.named("ws.message") if event.weight == 1]
    assert len({event.trace_id for event in work}) == 3
    assert [event.trace_id for event in slow] == [work[1].trace_id]
    assert 1.0e9 < (slow[0].duration_ns or 0) < 2e9


def test_a_handler_may_name_the_request_that_it_is_at(monitored: Monitored) -> None:
    talk("named", "slow")
    ingest = monitored()
    slow = [event for event in ingest.events if event.weight == 1 and (event.duration_ns or 0) > 1e9]
    assert [event.name for event in slow if not event.name.endswith(".close")] == ["ws.list_issues", "ws.message"]


def test_connections_are_opened_and_closed_on_both_sides_in_the_clients_trace(monitored: Monitored) -> None:
    trace_id = talk("a")
    ingest = monitored()
    opened, closed = ingest.named("ws.open"), ingest.named("ws.close")
    assert sorted(event.direction for event in opened) == sorted(event.direction for event in closed) == ["in", "out"]
    assert {event.trace_id for event in opened} == {trace_id}
    assert {event.weight for event in opened + closed} == {1}


def test_a_handler_that_fails_makes_its_request_an_error(monitored: Monitored) -> None:
    with pytest.raises(ConnectionClosed):
        talk("fail")
    ingest = monitored()
    assert [(event.outcome, event.error_type) for event in ingest.named("ws.message")] == [("error", "handler_failed")]
    assert [(event.attributes or {}) for event in ingest.named("ws.close")] == [{"websocket.close_code": 1011}] * 2


def test_a_rejected_connection_is_recorded_and_never_active(monitored: Monitored) -> None:
    def refuse(connection: websockets.asyncio.server.ServerConnection, request: object) -> Response:
        return connection.respond(429, "too many\n")

    async def run() -> None:
        async with websockets.asyncio.server.serve(echo, "127.0.0.1", 0, process_request=refuse) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(InvalidStatus):
                await websockets.asyncio.client.connect(f"ws://127.0.0.1:{port}", proxy=None)

    asyncio.run(run())
    found = sorted((event.name, event.outcome, event.error_type) for event in monitored().events)
    assert found == [("ws.connect", "error", "InvalidStatus"), ("ws.rejected", "error", "429")]


def test_threads_are_watched_as_asyncio_is(monitored: Monitored) -> None:
    def handle(connection: websockets.sync.server.ServerConnection) -> None:
        for message in connection:
            monitoring.event("work.done", "app")
            connection.send(message)

    with websockets.sync.server.serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        with websockets.sync.client.connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
            for _ in range(50):
                client.send("x")
                client.recv()
        server.shutdown()
        thread.join()
    ingest = monitored()
    ingest.wait(lambda: len(ingest.named("ws.close")) == 2)
    monitored()
    assert abs(weighed(ingest.named("ws.send")) - 100) < 20
    assert abs(weighed(ingest.named("ws.message")) - 50) < 20
    assert len({event.trace_id for event in ingest.named("work.done")}) == 50
    assert sorted(event.direction for event in ingest.named("ws.open")) == ["in", "out"]
