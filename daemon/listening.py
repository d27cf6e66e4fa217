"""Connections: how many one port takes, and how long a client may take to ask for something."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web

from daemon.security import Limits

_OWN_FILES = 256  # history, logs, probes and libraries
_BACKLOG = 1024


@dataclass(slots=True)
class Turned:
    """How many connections a port turned away because it had its fill."""

    away: int = 0


class _Closed(asyncio.Protocol):
    """A connection too many: gone before anything is read from it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()  # uvloop's own is none of asyncio's classes


def runner_options(limits: Limits) -> dict[str, Any]:
    """For `web.AppRunner`: a request's head that trickles in is cut off, and no address is written to a log."""
    return {
        "access_log": None,
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
    return await asyncio.get_running_loop().create_server(
        _limited(server, limit, turned), sock=opened, backlog=_BACKLOG
    )


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


def _limited(server: web.Server, limit: int, turned: Turned) -> Callable[[], asyncio.BaseProtocol]:
    def accept() -> asyncio.BaseProtocol:
        if len(server.connections) < limit:
            return server()
        turned.away += 1
        return _Closed()

    return accept
