"""A port that is full: who says nothing makes room for who asks, and who was let in stays."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from daemon.listening import Turned, connection_limit, listen, runner_options
from daemon.security import Limits

LIMIT = 20


async def answer(_: web.Request) -> web.Response:
    return web.Response(text="here")


async def echo(request: web.Request) -> web.WebSocketResponse:
    opened = web.WebSocketResponse()
    await opened.prepare(request)
    async for message in opened:
        await opened.send_str(message.data)
    return opened


@asynccontextmanager
async def served() -> AsyncIterator[tuple[int, web.AppRunner, Turned]]:
    application = web.Application()
    application.add_routes([web.get("/", answer), web.get("/echo", echo)])
    runner, turned = web.AppRunner(application, **runner_options(Limits())), Turned()
    await runner.setup()
    opened = socket.create_server(("127.0.0.1", 0))
    listening = await listen(runner, opened, LIMIT, turned)
    try:
        yield opened.getsockname()[1], runner, turned
    finally:
        listening.close()
        await runner.cleanup()


def test_idle_connections_make_room_for_those_who_ask() -> None:
    async def crowd() -> None:
        async with served() as (port, runner, _), aiohttp.ClientSession() as session:
            with ExitStack() as stack:
                async with session.ws_connect(f"http://127.0.0.1:{port}/echo") as old:
                    for _ in range(8 * LIMIT):
                        reader, writer = await asyncio.open_connection("127.0.0.1", port)
                        stack.callback(writer.close)
                        assert reader is not None
                    async with session.get(f"http://127.0.0.1:{port}/") as found:
                        assert await found.text() == "here"
                    assert runner.server is not None
                    assert len(runner.server.connections) <= 2 * LIMIT
                    await old.send_str("still here")
                    assert (await old.receive(5)).data == "still here"

    asyncio.run(crowd())


def test_where_nobody_can_leave_the_next_is_turned_away() -> None:
    async def crowd() -> None:
        async with served() as (port, _, turned), aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{port}/echo"
            stayed = [await session.ws_connect(url) for _ in range(LIMIT)]
            with pytest.raises(aiohttp.ClientError):
                await session.ws_connect(url)
            assert turned.away > 0
            for each in stayed:
                await each.send_str("x")
                assert (await each.receive(5)).data == "x"
            await asyncio.gather(*(each.close() for each in stayed))

    asyncio.run(crowd())


def test_a_ports_connections_leave_files_to_work_with() -> None:
    assert connection_limit(Limits(), 1024) == 192
    assert connection_limit(Limits(), 1_048_576) == Limits().connections
    assert connection_limit(Limits(), 100) == 1
