"""Connections: how many one port takes, and how long a client may take to ask for something."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from daemon.security import Limits

_OWN_FILES = 256  # history, logs, probes and libraries
_BACKLOG = 1024
_ANSWER_SENT_S = 1.0  # an answer is on its way for a moment after it was made


@dataclass(slots=True)
class Turned:
    """How many connections a port turned away because it had its fill."""

    away: int = 0


class _Closed(asyncio.Protocol):
    """A connection too many: gone before anything is read from it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()  # uvloop's own is none of asyncio's classes


def runner_options(limits: Limits) -> dict[str, Any]:
    """For `web.AppRunner`: a head that trickles in is cut off; neither addresses nor malformed requests are logged."""
    logger = logging.getLogger("daemon.requests")
    logger.addFilter(_is_worth_a_line)
    return {
        "access_log": None,
        "logger": logger,
        "keepalive_timeout": limits.request_s,
        "lingering_time": 1.0,
        "max_headers": limits.headers,
        "max_line_size": limits.header_line_bytes,
        "max_field_size": limits.header_line_bytes,
        "shutdown_timeout": 1.0,
    }


async def listen(runner: web.AppRunner, opened: socket.socket, limit: int, turned: Turned) -> asyncio.Server:
    """Serve a runner that was set up on a bound socket, with at most `limit` connections at once."""
    server = runner.server
    assert server is not None
    accept = _Door(server, limit, turned, time.monotonic).accept
    return await asyncio.get_running_loop().create_server(accept, sock=opened, backlog=_BACKLOG)


def raise_file_limit() -> int:
    """As many open files as the process may have: its connections are files.

    Returns:
        How many that is.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def connection_limit(limits: Limits, files: int, ports: int = 4) -> int:
    """How many connections a port may have, so that all `ports` together leave files to work with."""
    return max(1, min(limits.connections, (files - _OWN_FILES) // ports))


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """A malformed request is not: whoever sends them would fill the log, and a header in it may hold a token."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


class _Door:
    """Lets connections in; where there are as many as may be, the oldest that asks for nothing makes room.

    So thousands that say nothing keep nobody out. One that is being answered stays, and so does a WebSocket, which was
    let in by its token.
    """

    def __init__(self, server: web.Server, limit: int, turned: Turned, clock: Callable[[], float]) -> None:
        self._server, self._limit, self._turned, self._clock = server, limit, turned, clock
        self._busy: set[RequestHandler] = set()
        self._answered: dict[RequestHandler, float] = {}
        self._handle = server.request_handler
        server.request_handler = self._handle_noted

    def accept(self) -> asyncio.BaseProtocol:
        """The protocol of a new connection."""
        here = self._server.connections
        if len(here) < self._limit or self._make_room(here):
            return self._server()
        self._turned.away += 1
        return _Closed()

    async def _handle_noted(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        self._busy.add(connection)
        try:
            return await self._handle(request)
        finally:
            self._busy.discard(connection)
            if len(self._server.connections) >= self._limit:
                self._answered[connection] = self._clock()

    def _make_room(self, here: list[RequestHandler]) -> bool:
        since = self._clock() - _ANSWER_SENT_S
        self._answered = {each: at for each, at in self._answered.items() if at > since}
        idle = (each for each in here if each not in self._busy and each not in self._answered)
        oldest = next((each for each in idle if each.transport is not None and not each.transport.is_closing()), None)
        if oldest is None:
            return False
        oldest.force_close()
        return True
