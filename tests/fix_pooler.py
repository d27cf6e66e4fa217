"""A transaction pooler in front of the test server: each transaction may run on another server session.

It speaks just enough of the protocol (PostgreSQL manual 55.2): start-up without a password, then whole exchanges from a
client's Query or Sync to the server's ReadyForQuery. A server session is handed back when that says 'idle'.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.databases import Database

_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104


@dataclass(slots=True)
class Pooler:
    """One pooler; `last_freed_first` is how it chooses among idle server sessions (PgBouncer's default)."""

    database: Database
    last_freed_first: bool
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    idle: deque[tuple[socket.socket, bytes]] = field(default_factory=deque)
    opened: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"postgresql://postgres@127.0.0.1:{self.listener.getsockname()[1]}/{self.database.name}"

    def serve(self) -> None:
        """Accept clients until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.opened.append(client)
                threading.Thread(target=self._serve_client, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Close the listener and every connection."""
        self.listener.shutdown(socket.SHUT_RDWR)
        for each in (self.listener, *self.opened):
            each.close()

    def _serve_client(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError):
            _read_startup(client)
            server, greeting = self._take()
            self.idle.append((server, greeting))
            client.sendall(greeting)
            while True:
                request = _read_request(client)
                server, greeting = self._take()
                while _exchange(client, server, request) != b"I":
                    request = _read_request(client)
                self.idle.append((server, greeting))

    def _take(self) -> tuple[socket.socket, bytes]:
        with suppress(IndexError):
            return self.idle.pop() if self.last_freed_first else self.idle.popleft()
        server = _open_server(self.database)
        self.opened.append(server[0])
        return server


@pytest.fixture
def new_pooler(database: Database) -> Iterator[Callable[[bool], Pooler]]:
    """`new_pooler(last_freed_first)` starts a transaction pooler in front of `database`."""
    with ExitStack() as stack:

        def make(last_freed_first: bool) -> Pooler:
            pooler = Pooler(database, last_freed_first)
            stack.callback(pooler.close)
            threading.Thread(target=pooler.serve, daemon=True).start()
            return pooler

        yield make


def _open_server(database: Database) -> tuple[socket.socket, bytes]:
    """A server session, and what the server said while it opened: a client is told the same."""
    server = socket.socket(socket.AF_UNIX)
    parameters = conninfo_to_dict(database.url)
    server.connect(f"{parameters['host']}/.s.PGSQL.{parameters['port']}")
    words = b"user\0postgres\0database\0" + database.name.encode() + b"\0\0"
    server.sendall(struct.pack("!II", 8 + len(words), 196608) + words)
    greeting = b""
    while True:
        message = _read_message(server)
        greeting += message
        if message[:1] == b"Z":
            return server, greeting


def _read_startup(client: socket.socket) -> None:
    while True:
        (length, code) = struct.unpack("!II", _read(client, 8))
        if code not in (_SSL_REQUEST, _GSS_REQUEST):
            _read(client, length - 8)
            return
        client.sendall(b"N")


def _read_request(client: socket.socket) -> bytes:
    """The client's messages up to one that the server answers with ReadyForQuery."""
    request = b""
    while True:
        message = _read_message(client)
        if message[:1] == b"X":
            raise EOFError
        request += message
        if message[:1] in (b"Q", b"S"):
            return request


def _exchange(client: socket.socket, server: socket.socket, request: bytes) -> bytes:
    """Pass the request on and the answer back; the transaction status after it."""
    server.sendall(request)
    while True:
        message = _read_message(server)
        client.sendall(message)
        if message[:1] == b"Z":
            return message[5:6]


def _read_message(source: socket.socket) -> bytes:
    head = _read(source, 5)
    return head + _read(source, struct.unpack("!I", head[1:])[0] - 4)


def _read(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (part := source.recv(size - len(data))):
            raise EOFError
        data += part
    return data
