"""/monitoring: a page subscribes from a number and gets history, then live, without gap and without double."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from daemon.client import Client, Pace, text_frame
from daemon.counters import Count, Counters
from daemon.errors import HistoryUnavailable, MessageRefused
from daemon.history import History
from daemon.history_reader import Found, Held, read_held, read_on
from daemon.hub import Hub, events_frame, gap_frame
from daemon.parts import Board
from daemon.selection import selection_of
from monitoring.wire import PROTOCOL, Refused, Stats, StreamHello, Subscribe

_MESSAGE_BYTES = 64 * 1024
_CUT_OFF_BYTES = 2**20  # up to here a message that is too large is read, so that its sender is told
_SUBSCRIBE_S = 10.0
_CLOSE_S = 2.0
_EVENTS_A_FRAME = 2000
_SEND_BUFFER_BYTES = 256 * 1024  # what the kernel holds is late already: a slow client is to be seen as slow
_READS_S = 60.0
_ROOM_BYTES = 512 * 1024
_LONGEST_TEXT = 200

_encode = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(Subscribe).decode
_log = logging.getLogger(__name__)


class Stream:
    """Every connection of /monitoring."""

    def __init__(self, history: History, hub: Hub, board: Board, counters: Counters, *, clock_us: Callable[[], int],
                 hello: Callable[[Held], StreamHello], stats: Callable[[], Stats]) -> None:  # fmt: skip
        self._history, self._hub, self._board, self._counters = history, hub, board, counters
        self._clock_us, self._hello, self._stats = clock_us, hello, stats
        self._sockets: set[web.WebSocketResponse] = set()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, until it ends."""
        page = web.WebSocketResponse(max_msg_size=_CUT_OFF_BYTES, compress=False, autoping=False, timeout=_CLOSE_S)
        await page.prepare(request)
        transport = request.transport
        if transport is None:
            return page
        _bound_kernel(transport)
        client = Client(transport)
        self._hub.add(client)
        self._sockets.add(page)
        try:
            await self._talk(page, client)
        except MessageRefused as error:
            await self._refuse(page, error)
        except (ConnectionError, TimeoutError) as error:
            _log.info("a stream ended: %s", error)
        finally:
            self._hub.remove(client)
            self._sockets.discard(page)
        return page

    async def stop(self) -> None:
        """Say goodbye to all."""
        async with asyncio.TaskGroup() as group:
            for page in list(self._sockets):
                group.create_task(_close(page), name="close stream")

    async def _talk(self, page: web.WebSocketResponse, client: Client) -> None:
        catching_up: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(_SUBSCRIBE_S):
                asked = await self._next(page, client)
            while asked is not None:
                if catching_up is not None:
                    catching_up.cancel()
                catching_up = await self._subscribe(client, asked)
                asked = await self._next(page, client)
        finally:
            if catching_up is not None:
                catching_up.cancel()

    async def _next(self, page: web.WebSocketResponse, client: Client) -> Subscribe | None:
        """The next subscription; None at the end."""
        while True:
            message = await page.receive()
            client.heard = time.monotonic()
            match message.type:
                case WSMsgType.TEXT:
                    return _read_subscription(message.data)
                case WSMsgType.PING:
                    await page.pong(message.data)
                case WSMsgType.PONG:
                    continue
                case WSMsgType.BINARY:
                    raise MessageRefused("a message is a JSON text")
                case WSMsgType.ERROR:
                    self._counters.count(Count.FRAMES_REFUSED)
                    return None
                case _:
                    return None

    async def _subscribe(self, client: Client, asked: Subscribe) -> asyncio.Task[None] | None:
        """Hello and the panels first; then the events from the number asked for."""
        client.pace = Pace.WAITING
        client.selection = selection_of(asked.filter)
        held = await self._held()
        self._hub.tick()  # so that what is live begins right after `latest`
        held = replace(held, latest=self._hub.position - 1)
        client.send(text_frame(_encode(self._hello(held))))
        for panel in [*self._board.all(), self._stats()]:
            client.send(text_frame(_encode(panel)))
        if asked.from_ is None or asked.from_ >= self._hub.position:
            client.position = self._hub.position
            self._hub.join(client)
            return None
        client.position = max(asked.from_, 0)
        client.pace = Pace.CATCHING_UP
        return asyncio.create_task(self._catch_up(client), name="catch up")

    async def _held(self) -> Held:
        try:
            return await self._history.read(read_held)
        except (HistoryUnavailable, TimeoutError):
            return Held(0, 0, None)

    async def _catch_up(self, client: Client) -> None:
        """Read the history for one client, no faster than it takes it, until it can live with the ticks."""
        try:
            held = await self._history.read(read_held)
            self._skip_forgotten(client, held)
            while not self._hub.join(client) and await _has_room(client):
                last = self._hub.position - 1
                page = partial(
                    read_on, wanted=client.selection, first=client.position, last=last, limit=_EVENTS_A_FRAME
                )
                self._send(client, await self._history.read(page), last)
        except (HistoryUnavailable, TimeoutError) as error:
            self._give_up(client, str(error) or "the history took too long to read")

    def _skip_forgotten(self, client: Client, held: Held) -> None:
        oldest = held.oldest or self._hub.position
        if client.position < oldest:
            first = max(client.position, 1)
            if first < oldest:
                reason = "the history no longer has these events (HISTORY_MAX_AGE, HISTORY_MAX_BYTES)"
                client.send(gap_frame(first, oldest - 1, oldest - first, reason))
            client.position = oldest

    def _send(self, client: Client, found: Found, last: int) -> None:
        reached = last if found.reached is None else found.reached
        pieces = [_encode(event) for event in found.events]
        client.send(events_frame(self._clock_us(), client.position, reached, pieces))
        client.position = reached + 1

    def _give_up(self, client: Client, reason: str) -> None:
        """What could not be read is a gap, and the client goes on with the ticks."""
        last = self._hub.position - 1
        client.send(gap_frame(client.position, last, last - client.position + 1, reason))
        client.position = self._hub.position
        self._hub.join(client)

    async def _refuse(self, page: web.WebSocketResponse, error: MessageRefused) -> None:
        self._counters.count(Count.FRAMES_REFUSED)
        try:
            await page.send_str(_encode(Refused(reason=str(error))).decode())
            await page.close(code=WSCloseCode.POLICY_VIOLATION, message=str(error).encode()[:120])
        except ConnectionError:
            return


def _read_subscription(text: str) -> Subscribe:
    if len(text) > _MESSAGE_BYTES:
        raise MessageRefused(f"the message has {len(text):,} characters: send at most {_MESSAGE_BYTES:,}")
    try:
        asked = _read(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MessageRefused(f"the message is no subscription of protocol {PROTOCOL}: {error}") from error
    if asked.protocol != PROTOCOL:
        raise MessageRefused(f"this daemon speaks protocol {PROTOCOL}, the page {asked.protocol}: reload the page")
    if len(asked.filter.text or "") > _LONGEST_TEXT:
        raise MessageRefused(f"a text to look for has at most {_LONGEST_TEXT} characters")
    return asked


async def _has_room(client: Client) -> bool:
    """Wait until the client has taken what it was sent; False where it is gone.

    Raises:
        TimeoutError: it takes nothing.
    """
    async with asyncio.timeout(_READS_S):
        while client.buffered > _ROOM_BYTES and not client.is_gone:
            await asyncio.sleep(0.02)
    return not client.is_gone


def _bound_kernel(transport: asyncio.Transport) -> None:
    opened = transport.get_extra_info("socket")
    if opened is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def _close(page: web.WebSocketResponse) -> None:
    try:
        async with asyncio.timeout(_CLOSE_S):
            await page.close(code=WSCloseCode.GOING_AWAY, message=b"the daemon stops")
    except (TimeoutError, ConnectionError):
        return
