"""A WebSocket connection of the sender's own thread: no thread of its own, and heard only when we choose to listen.

The library's connections keep a second thread that wakes for each message; one thread that wakes seldom costs an
application a third of that. The integration for websockets does not see this connection either.
"""

from __future__ import annotations

import socket
import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from select import select
from time import monotonic

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

_OPEN_S = 5.0
_SEND_S = 10.0
_CHUNK = 65_536
_LARGEST = 1 << 20
_DENIALS = frozenset({401, 403})


class Broken(OSError):
    """The connection ended, or never began."""


class Denied(Broken):
    """The daemon does not let this process in."""


class Connection:
    """One connection, open."""

    def __init__(self, sock: socket.socket, protocol: ClientProtocol) -> None:
        self._socket = sock
        self._protocol = protocol
        self._messages: deque[bytes] = deque()
        self._parts: list[bytes] = []

    def send(self, message: bytes) -> None:
        """Send a text message.

        Raises:
            OSError: it cannot be sent.
        """
        if self._protocol.state is not State.OPEN:
            raise Broken(self._reason())
        self._protocol.send_text(message)
        self._flush()

    @property
    def has_more(self) -> bool:
        """Whether a message is here already: to ask the system whether more has come is not worth a call."""
        return bool(self._messages)

    def receive(self, timeout_s: float) -> bytes | None:
        """The next text message, None where none comes in time.

        Raises:
            OSError: the connection has ended.
        """
        deadline = monotonic() + timeout_s
        while not self._messages:
            self._read(max(deadline - monotonic(), 0.0))
            if not self._messages and monotonic() >= deadline:
                return None
        return self._messages.popleft()

    def shake_hands(self, headers: Mapping[str, str]) -> None:
        """Open the connection as RFC 6455 section 4 says."""
        request = self._protocol.connect()
        request.headers.update(headers)
        self._protocol.send_request(request)
        self._flush()
        deadline = monotonic() + _OPEN_S
        while self._protocol.state is State.CONNECTING:
            if monotonic() >= deadline:
                raise Broken("no answer came to the handshake")
            self._read(max(deadline - monotonic(), 0.0))

    def close(self) -> None:
        """Say goodbye and hang up, without waiting for the other side's."""
        with suppress(OSError, WebSocketException):
            if self._protocol.state is State.OPEN:
                self._protocol.send_close()
                self._flush()
        self._socket.close()

    def _read(self, timeout_s: float) -> None:
        """What has come, or comes in time."""
        pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0
        if not pending and not select([self._socket], [], [], timeout_s)[0]:
            return
        data = self._socket.recv(_CHUNK)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._take()
        self._flush()
        match self._protocol.handshake_exc:
            case None:
                pass
            case InvalidStatus(response=answer) if answer.status_code in _DENIALS:
                raise Denied(f"HTTP {answer.status_code}: set INGEST_TOKEN to the daemon's")
            case error:
                raise Broken(str(error))
        if self._protocol.state in (State.CLOSING, State.CLOSED) and not self._messages:
            raise Broken(self._reason())

    def _take(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._parts.append(bytes(event.data))
                if event.fin:
                    self._messages.append(b"".join(self._parts))
                    self._parts.clear()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)

    def _reason(self) -> str:
        return str(self._protocol.close_exc) if self._protocol.state is State.CLOSED else "the connection is closing"


@contextmanager
def connected(url: str, headers: Mapping[str, str]) -> Iterator[Connection]:
    """A connection for as long as it is used.

    Raises:
        OSError: nobody listens there, or the handshake fails.
        ValueError: the URL is none of a WebSocket.
    """
    try:
        place = parse_uri(url)
    except WebSocketException as error:
        raise ValueError(f"{url} is no WebSocket address: set MONITORING_INGEST: {error}") from None
    sock: socket.socket = socket.create_connection((place.host, place.port), _OPEN_S)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if place.secure:
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=place.host)
        sock.settimeout(_SEND_S)
        connection = Connection(sock, ClientProtocol(place, max_size=_LARGEST))
        connection.shake_hands(headers)
    except BaseException:
        sock.close()
        raise
    try:
        yield connection
    finally:
        connection.close()
