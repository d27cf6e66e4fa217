"""An /ingest that speaks the wire's protocol and keeps what it is sent in memory: the other side of the client."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic, sleep

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from monitoring.wire import (
    PROTOCOL,
    Ack,
    Batch,
    Event,
    IngestHello,
    Lost,
    LostAck,
    Refused,
    SourceId,
    ToIngest,
    Welcome,
)

_decode = msgspec.json.Decoder(ToIngest).decode


class _OwnConnection(ServerConnection):
    """A connection that no integration sees: the server runs in the process that is watched."""

    handshake = inspect.unwrap(ServerConnection.handshake)
    send = inspect.unwrap(ServerConnection.send)
    recv = inspect.unwrap(ServerConnection.recv)


@dataclass(slots=True)
class Kept:
    """What one source has sent."""

    acknowledged: int = 0
    recorded: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    lost: int | None = None

    @property
    def drops(self) -> int:
        """All that was counted as dropped; of a process that ended, with what went down with it."""
        reported = sum(self.dropped.values())
        return reported if self.lost is None else self.lost - len(self.events)


@dataclass(slots=True)
class Ingest:
    """The server; a test may have it refuse, keep silent, or break off."""

    sources: dict[SourceId, Kept] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    refuse: Callable[[ToIngest], str | None] = lambda message: None
    acknowledge: bool = True
    deny: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _server: Server | None = None
    _thread: threading.Thread | None = None
    _connections: set[ServerConnection] = field(default_factory=set)
    port: int = 0

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"ws://127.0.0.1:{self.port}/ingest"

    @property
    def events(self) -> list[Event]:
        """All events of all sources."""
        with self._turn:
            return [event for kept in self.sources.values() for event in kept.events]

    def named(self, name: str) -> list[Event]:
        """The events of this name."""
        return [event for event in self.events if event.name == name]

    def wait_for(self, name: str, count: int = 1, timeout_s: float = 5.0) -> list[Event]:
        """The events of this name, once there are so many."""
        self.wait(lambda: len(self.named(name)) >= count, timeout_s)
        return self.named(name)

    def wait(self, condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
        """Wait until something is true."""
        deadline = monotonic() + timeout_s
        while not condition():
            assert monotonic() < deadline, f"waited {timeout_s} s; names: {sorted({e.name for e in self.events})}"
            sleep(0.005)

    def listen(self) -> None:
        """Begin to serve, again on the same port."""
        self._server = serve(
            self._answer, "127.0.0.1", self.port,
            compression=None, max_size=8 << 20, create_connection=_OwnConnection, process_request=self._admit,
        )  # fmt: skip
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def break_off(self) -> None:
        """Stop listening and drop every connection, as a kill does."""
        assert self._server is not None
        assert self._thread is not None
        self._server.shutdown()
        self._thread.join()
        for connection in list(self._connections):
            connection.socket.close()
        self._connections.clear()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(HTTPStatus.UNAUTHORIZED, "who are you?\n") if self.deny else None

    def _answer(self, connection: ServerConnection) -> None:
        self._connections.add(connection)
        assert connection.request is not None
        self.headers.append(dict(connection.request.headers.raw_items()))
        source: SourceId | None = None
        try:
            for text in connection:
                message = _decode(text)
                reason = self.refuse(message)
                if reason is not None:
                    connection.send(_text(Refused(reason=reason)))
                    connection.close(1008)
                    return
                source, answer = self._take(message, source)
                if answer is not None:
                    connection.send(_text(answer))
        except (ConnectionClosed, OSError):
            pass
        finally:
            self._connections.discard(connection)

    def _take(self, message: ToIngest, source: SourceId | None) -> tuple[SourceId | None, msgspec.Struct | None]:
        with self._turn:
            match message:
                case IngestHello(protocol=protocol, source=found):
                    assert protocol == PROTOCOL
                    return found, Welcome(acknowledged=self.sources.get(found, Kept()).acknowledged)
                case Lost(source=ended, recorded=recorded):
                    self.sources.setdefault(ended, Kept()).lost = recorded
                    return source, LostAck(source=ended)
                case Batch(number=number):
                    assert source is not None
                    self._store(self.sources.setdefault(source, Kept()), message)
                    return source, Ack(number=number) if self.acknowledge else None

    def _store(self, kept: Kept, batch: Batch) -> None:
        if batch.number <= kept.acknowledged:
            return
        assert batch.number == kept.acknowledged + 1, "a batch number was skipped"
        kept.acknowledged = batch.number
        kept.recorded = batch.recorded
        kept.events += batch.events
        for kind, count in batch.dropped.items():
            kept.dropped[kind] = kept.dropped.get(kind, 0) + count


def _text(message: msgspec.Struct) -> str:
    return msgspec.json.encode(message).decode()
