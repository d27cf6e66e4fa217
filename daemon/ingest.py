"""/ingest: takes batches from monitored processes, and acknowledges one once it is committed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from daemon.books import Book
from daemon.counters import Count, Counters
from daemon.errors import DaemonError, HistoryUnavailable, MessageRefused, MessageTooLarge
from daemon.history import History
from daemon.ingest_frames import Frame, read_frame
from daemon.transaction import Kept
from monitoring.wire import BATCH_BYTES, PROTOCOL, Ack, Batch, IngestHello, Lost, LostAck, Refused, Welcome

_AHEAD = 8  # batches of one process that may wait for their commit
_HELLO_S = 10.0
_COMMIT_S = 60.0
_CLOSE_S = 2.0
_HEARTBEAT_S = 10.0
_GOODBYE = frozenset({WSCloseCode.OK, 0})  # a close frame need not say why; 1006 is a connection that broke
_REASON_BYTES = 120  # what a close frame may carry
_MESSAGE_BYTES = BATCH_BYTES + 64 * 1024
_CUT_OFF_BYTES = 4 * BATCH_BYTES  # up to here a message that is too large is read, so that its sender is told

_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


class Answer(Ack, kw_only=True, tag="ack", omit_defaults=True):
    """An acknowledgement that also says what was not kept of the batch, and why."""

    refused: int = 0
    cut: int = 0
    reason: str | None = None


@dataclass(slots=True, eq=False)
class Connection:
    """One process, connected; `waiting` holds the batches submitted and not yet acknowledged, in order."""

    socket: web.WebSocketResponse
    book: Book
    waiting: asyncio.Queue[asyncio.Future[Kept] | None] = field(default_factory=lambda: asyncio.Queue(_AHEAD))


class Ingest:
    """Every connection of /ingest."""

    def __init__(self, history: History, counters: Counters, changed: Callable[[], None]) -> None:
        self._history, self._counters, self._changed = history, counters, changed
        self._connections: dict[int, Connection] = {}
        self._stopping = False

    @property
    def connected(self) -> list[int]:
        """The numbers of the books of processes that are connected."""
        return list(self._connections)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, until it ends."""
        socket = web.WebSocketResponse(
            max_msg_size=_CUT_OFF_BYTES, compress=False, heartbeat=_HEARTBEAT_S, timeout=_CLOSE_S
        )
        await socket.prepare(request)
        try:
            await self._talk(socket)
        except HistoryUnavailable as error:
            await self._refuse(socket, error, WSCloseCode.TRY_AGAIN_LATER)
        except MessageTooLarge as error:
            self._counters.count(Count.FRAMES_REFUSED)
            await self._refuse(socket, error, WSCloseCode.MESSAGE_TOO_BIG)
        except DaemonError as error:
            self._counters.count(Count.FRAMES_REFUSED)
            await self._refuse(socket, error, WSCloseCode.POLICY_VIOLATION)
        except (ConnectionError, TimeoutError) as error:
            _log.info("an ingest connection ended: %s", error)
        return socket

    async def stop(self) -> None:
        """Acknowledge what was received, and say goodbye."""
        self._stopping = True
        async with asyncio.TaskGroup() as group:
            for connection in list(self._connections.values()):
                group.create_task(self._close(connection), name="close ingest")

    async def _talk(self, socket: web.WebSocketResponse) -> None:
        async with asyncio.timeout(_HELLO_S):
            first = await socket.receive()
        if first.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
            self._count_broken(first)
            return
        connection = Connection(socket, await self._greet(self._read(first)))
        await self._take_over(connection)
        await socket.send_str(_encode(Welcome(acknowledged=connection.book.acknowledged)).decode())
        self._changed()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._acknowledge(connection), name="acknowledge")
                await self._receive(connection)
        except* DaemonError as group_error:
            raise group_error.exceptions[0] from None
        except* (ConnectionError, TimeoutError) as group_error:
            raise group_error.exceptions[0] from None
        finally:
            await self._left(connection)

    async def _greet(self, frame: Frame) -> Book:
        hello = frame.message
        if not isinstance(hello, IngestHello):
            raise MessageRefused("the first message is hello: say who you are, then send batches")
        if hello.protocol != PROTOCOL:
            raise MessageRefused(
                f"this daemon speaks protocol {PROTOCOL}, you speak {hello.protocol}: take the same version of pgfold"
            )
        return await self._history.introduce(hello.source)

    async def _take_over(self, connection: Connection) -> None:
        """A process that comes back before its old connection was seen to end."""
        old = self._connections.get(connection.book.id)
        self._connections[connection.book.id] = connection
        if old is not None:
            await old.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"the same process has connected again")

    async def _receive(self, connection: Connection) -> None:
        async for message in connection.socket:
            frame = self._read(message)
            match frame.message:
                case Batch() as batch:
                    await connection.waiting.put(self._store(connection, batch, frame))
                case Lost(source=source, recorded=recorded):
                    await self._history.lose(source, recorded)
                    await connection.socket.send_str(_encode(LostAck(source=source)).decode())
                case IngestHello():
                    raise MessageRefused("hello was said already on this connection")
        await connection.waiting.put(None)

    def _store(self, connection: Connection, batch: Batch, frame: Frame) -> asyncio.Future[Kept]:
        if frame.unknown_fields:
            self._counters.count(Count.UNKNOWN_FIELDS)
        return self._history.store(connection.book.id, batch, frame.unreadable, frame.reason)

    def _read(self, message: WSMessage) -> Frame:
        self._count_broken(message)
        if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
            _check_size(message.data)
            return read_frame(message.data)
        raise MessageRefused("a message is a JSON text")

    def _count_broken(self, message: WSMessage) -> None:
        if message.type is WSMsgType.ERROR:
            self._counters.count(Count.FRAMES_REFUSED)

    async def _acknowledge(self, connection: Connection) -> None:
        while (waiting := await connection.waiting.get()) is not None:
            async with asyncio.timeout(_COMMIT_S):
                kept = await waiting
            self._count(kept)
            answer = Answer(number=kept.number, refused=kept.refused, cut=kept.cut, reason=kept.reason)
            if not connection.socket.closed:
                await connection.socket.send_str(_encode(answer).decode())

    def _count(self, kept: Kept) -> None:
        self._counters.count(Count.BATCHES_REPEATED if kept.repeated else Count.BATCHES_STORED)
        self._counters.count(Count.EVENTS_DROPPED, kept.dropped)
        self._counters.count(Count.EVENTS_REFUSED, kept.refused)
        self._counters.count(Count.EVENTS_CUT, kept.cut)

    async def _left(self, connection: Connection) -> None:
        if self._connections.get(connection.book.id) is connection:
            del self._connections[connection.book.id]
        if connection.socket.close_code in _GOODBYE and not self._stopping:
            await self._history.end(connection.book.id)
        self._changed()

    async def _refuse(self, socket: web.WebSocketResponse, error: DaemonError, code: WSCloseCode) -> None:
        _log.warning("an ingest connection was refused: %s", error)
        try:
            await socket.send_str(_encode(Refused(reason=str(error))).decode())
            await socket.close(code=code, message=str(error).encode()[:_REASON_BYTES])
        except ConnectionError:
            return

    async def _close(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(_CLOSE_S):
                while not connection.waiting.empty():
                    await asyncio.sleep(0.01)
                await connection.socket.close(code=WSCloseCode.GOING_AWAY, message=b"the daemon stops")
        except (TimeoutError, ConnectionError):
            return


def _check_size(text: str | bytes) -> None:
    if len(text) > _MESSAGE_BYTES:
        raise MessageTooLarge(f"the message has {len(text):,} bytes: send at most {BATCH_BYTES:,} at once")
