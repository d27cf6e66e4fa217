"""websockets, server and client, asyncio and threads: each message and connection, and a trace for each request.

from monitoring.integrations.websockets import monitor_websockets

monitor_websockets()

On a server a request is what is done from one message to the handler's next `recv`: it is the event ws.message, or what
`name_request` calls it, and everything that is called meanwhile carries its trace.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import websockets.asyncio.client
import websockets.asyncio.connection
import websockets.asyncio.server
import websockets.sync.client
import websockets.sync.connection
import websockets.sync.server
from websockets.datastructures import Headers

from monitoring.calls import record_close, record_open, record_rejection
from monitoring.conventions import CLOSE_CODE
from monitoring.correlation import (
    TRACEPARENT,
    TraceRef,
    carried_trace,
    enter_trace,
    leave_trace,
    next_trace,
    read_trace_id,
    trace,
    trace_headers,
)
from monitoring.integrations.patches import Patches, Undo
from monitoring.recorder import CallSite, call_site, clock
from monitoring.settings import Rule, settings

PATCHES = Patches()

_sent = call_site("ws.send", "websocket", "out", Rule.MESSAGE)
_handled = call_site("ws.message", "websocket", "in", Rule.MESSAGE)
_received = call_site("ws.receive", "websocket", "in", Rule.MESSAGE)

_SWITCHING = 101
_INTERNAL_ERROR = 1011
_NORMAL = frozenset({1000, 1001, 1005})


@dataclass(slots=True)
class _State:
    """One open connection: since when, and the request that its handler is at."""

    inward: bool
    opened: float
    started: float | None = None
    size: int | None = None
    trace: TraceRef | None = None
    site: CallSite = _handled


_named: dict[str, CallSite] = {}
_MOST_NAMES = 200
_states: dict[Any, _State] = {}  # beside the connections: an attribute more would make all of theirs slower


def monitor_websockets() -> Undo:
    """Watch every connection of websockets from here on; returns what ends it."""
    if not settings().enabled or PATCHES.installed:
        return PATCHES.undo
    PATCHES.replace(websockets.asyncio.server.ServerConnection, "handshake", _watched_async_accept)
    PATCHES.replace(websockets.asyncio.client.ClientConnection, "handshake", _watched_async_connect)
    PATCHES.replace(websockets.asyncio.connection.Connection, "send", _watched_async_send)
    PATCHES.replace(websockets.asyncio.connection.Connection, "recv", _watched_async_recv)
    PATCHES.replace(websockets.asyncio.connection.Connection, "connection_lost", _watched_end)
    PATCHES.replace(websockets.sync.server.ServerConnection, "handshake", _watched_accept)
    PATCHES.replace(websockets.sync.client.ClientConnection, "handshake", _watched_connect)
    PATCHES.replace(websockets.sync.connection.Connection, "send", _watched_send)
    PATCHES.replace(websockets.sync.connection.Connection, "recv", _watched_recv)
    PATCHES.replace(websockets.sync.connection.Connection, "recv_events", _watched_end)
    return PATCHES.undo


def name_request(connection: Any, name: str) -> None:
    """In a handler: name the request that it is at, for example ws.list_issues; never with an id in it."""
    state = _states.get(connection)
    if state is None:
        return
    site = _named.get(name)
    if site is None and len(_named) < _MOST_NAMES:
        site = _named[name] = call_site(name, "websocket", "in", Rule.MESSAGE)
    state.site = site or _handled


def _watched_async_send(send: Callable[..., Any]) -> Callable[..., Any]:
    async def run(connection: Any, message: Any, **kwargs: Any) -> None:
        started = clock()
        try:
            await (send(connection, message, **kwargs) if kwargs else send(connection, message))
        except BaseException as error:
            _sent.failed(started, error)
            raise
        if _sent.left:
            _sent.done(started)
        else:
            _sent.done(started, _size(message))

    return run


def _watched_send(send: Callable[..., Any]) -> Callable[..., Any]:
    def run(connection: Any, message: Any, **kwargs: Any) -> None:
        started = clock()
        try:
            send(connection, message, **kwargs)
        except BaseException as error:
            _sent.failed(started, error)
            raise
        if _sent.left:
            _sent.done(started)
        else:
            _sent.done(started, _size(message))

    return run


def _watched_async_recv(recv: Callable[..., Any]) -> Callable[..., Any]:
    async def run(connection: Any, *args: Any, **kwargs: Any) -> Any:
        state: _State | None = _states.get(connection)
        if state is not None and state.started is not None:  # the handler is back: its request is done
            state.site.done(state.started, state.size)
            state.started = None
        message = await (recv(connection, *args, **kwargs) if args or kwargs else recv(connection))
        if state is not None:
            _begin(state, message)
        return message

    return run


def _watched_recv(recv: Callable[..., Any]) -> Callable[..., Any]:
    def run(connection: Any, *args: Any, **kwargs: Any) -> Any:
        state: _State | None = _states.get(connection)
        if state is not None and state.started is not None:
            state.site.done(state.started, state.size)
            state.started = None
        message = recv(connection, *args, **kwargs)
        if state is not None:
            _begin(state, message)
        return message

    return run


def _begin(state: _State, message: Any) -> None:
    """A message came: on a server a request begins."""
    if state.inward:
        state.trace = trace = next_trace()
        enter_trace(trace)
        state.site = _handled
        state.size = None if _handled.left else _size(message)
        state.started = clock()
    elif _received.left:
        _received.note()
    else:
        _received.note(_size(message))


def _watched_async_accept(handshake: Callable[..., Any]) -> Callable[..., Any]:
    async def run(connection: Any, *args: Any, **kwargs: Any) -> Any:
        started = clock()
        try:
            return await handshake(connection, *args, **kwargs)
        finally:
            _accepted(connection, started)

    return run


def _watched_accept(handshake: Callable[..., Any]) -> Callable[..., Any]:
    def run(connection: Any, *args: Any, **kwargs: Any) -> Any:
        started = clock()
        try:
            return handshake(connection, *args, **kwargs)
        finally:
            _accepted(connection, started)

    return run


def _accepted(connection: Any, started: float) -> None:
    response, request = connection.response, connection.request
    if response is not None and response.status_code != _SWITCHING:
        record_rejection("ws", str(response.status_code))
    elif response is not None:
        with trace(read_trace_id(request.headers)):
            record_open("ws", direction="in", started=started)
        _states[connection] = _State(True, clock())


def _watched_async_connect(handshake: Callable[..., Any]) -> Callable[..., Any]:
    async def run(connection: Any, additional_headers: Any = None, *args: Any, **kwargs: Any) -> Any:
        started = clock()
        try:
            answer = await handshake(connection, _with_trace(additional_headers), *args, **kwargs)
        except BaseException as error:
            record_open("ws", started=started, error=error)
            raise
        _connected(connection, started)
        return answer

    return run


def _watched_connect(handshake: Callable[..., Any]) -> Callable[..., Any]:
    def run(connection: Any, additional_headers: Any = None, *args: Any, **kwargs: Any) -> Any:
        started = clock()
        try:
            answer = handshake(connection, _with_trace(additional_headers), *args, **kwargs)
        except BaseException as error:
            record_open("ws", started=started, error=error)
            raise
        _connected(connection, started)
        return answer

    return run


def _connected(connection: Any, started: float) -> None:
    record_open("ws", started=started)
    _states[connection] = _State(False, clock())


def _with_trace(additional_headers: Any) -> Any:
    if carried_trace() is None:
        return additional_headers
    headers = Headers(additional_headers or {})
    if TRACEPARENT not in headers:
        headers.update(trace_headers())
    return headers


def _watched_end(end: Callable[..., Any]) -> Callable[..., Any]:
    def run(connection: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return end(connection, *args, **kwargs)
        finally:
            _ended(connection)

    return run


def _ended(connection: Any) -> None:
    """The connection is gone; what its handler was at ended with it."""
    state: _State | None = _states.pop(connection, None)
    if state is None:
        return
    code = connection.protocol.close_code
    if state.started is not None and state.trace is not None:
        token = enter_trace(state.trace)
        if code == _INTERNAL_ERROR:
            state.site.failed(state.started, "handler_failed")
        else:
            state.site.done(state.started, state.size)
        leave_trace(token)
    attributes = None if code is None or code in _NORMAL else {CLOSE_CODE: code}
    record_close("ws", direction="in" if state.inward else "out", started=state.opened, attributes=attributes)


def _size(message: Any) -> int | None:
    if isinstance(message, str):
        return len(message) if message.isascii() else len(message.encode("utf-8", "replace"))
    with suppress(TypeError):
        return memoryview(message).nbytes
    return None
