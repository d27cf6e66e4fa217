"""psycopg 3: each statement of its cursors, sync and async, and each connection opened and closed.

from monitoring.integrations.psycopg import monitor_psycopg

monitor_psycopg()
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from psycopg.sql import Composable

from monitoring.calls import record_close, record_open
from monitoring.conventions import DB_NAMESPACE, DB_ROWS
from monitoring.integrations.patches import Patches, Undo
from monitoring.integrations.statements import StatementSites
from monitoring.recorder import CallSite, clock
from monitoring.settings import settings
from monitoring.wire import Value

PATCHES = Patches()

_sites = StatementSites()
_by_text = _sites.by_text
_CLOSING = "_pgfold_closing"


def monitor_psycopg() -> Undo:
    """Watch every cursor and connection of psycopg from here on; returns what ends it."""
    if not settings().enabled or PATCHES.installed:
        return PATCHES.undo
    for cursor in (psycopg.Cursor, psycopg.ServerCursor):
        PATCHES.replace(cursor, "execute", _watched)
        PATCHES.replace(cursor, "executemany", _watched_many)
        PATCHES.replace(cursor, "stream", _watched_stream)
        PATCHES.replace(cursor, "copy", _watched_copy)
    for async_cursor in (psycopg.AsyncCursor, psycopg.AsyncServerCursor):
        PATCHES.replace(async_cursor, "execute", _watched_async)
        PATCHES.replace(async_cursor, "executemany", _watched_async_many)
        PATCHES.replace(async_cursor, "stream", _watched_async_stream)
        PATCHES.replace(async_cursor, "copy", _watched_async_copy)
    PATCHES.replace(psycopg.Connection, "connect", _watched_connect)
    PATCHES.replace(psycopg.AsyncConnection, "connect", _watched_async_connect)
    PATCHES.replace(psycopg.Connection, "close", _watched_close)
    PATCHES.replace(psycopg.AsyncConnection, "close", _watched_async_close)
    _replace_shortcut()
    return PATCHES.undo


def _watched(execute: Callable[..., Any]) -> Callable[..., Any]:
    # Its arguments one by one: gathering and spreading them would cost as much as all the rest.
    def run(cursor: Any, query: Any, params: Any = None, *, prepare: Any = None, **kwargs: Any) -> Any:
        try:
            site = _by_text[query]
        except (KeyError, TypeError):  # not yet seen, or composed anew: that has no hash
            site = _find(query, cursor)
        started = clock()
        try:
            if prepare is None and not kwargs:
                answer = execute(cursor, query, params)
            else:
                answer = execute(cursor, query, params, **_with_prepare(prepare, kwargs))
        except BaseException as error:
            site.failed(started, error)
            raise
        if site.left:
            site.done(started)
        else:
            site.done(started, None, _rows(cursor))
        return answer

    return run


def _watched_async(execute: Callable[..., Any]) -> Callable[..., Any]:
    async def run(cursor: Any, query: Any, params: Any = None, *, prepare: Any = None, **kwargs: Any) -> Any:
        try:
            site = _by_text[query]
        except (KeyError, TypeError):
            site = _find(query, cursor)
        started = clock()
        try:
            if prepare is None and not kwargs:
                answer = await execute(cursor, query, params)
            else:
                answer = await execute(cursor, query, params, **_with_prepare(prepare, kwargs))
        except BaseException as error:
            site.failed(started, error)
            raise
        if site.left:
            site.done(started)
        else:
            site.done(started, None, _rows(cursor))
        return answer

    return run


def _with_prepare(prepare: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The server's cursors take no `prepare`: it is given only where it was given to us."""
    return kwargs if prepare is None else {**kwargs, "prepare": prepare}


def _watched_many(execute: Callable[..., Any]) -> Callable[..., Any]:
    def run(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> None:
        attributes: dict[str, Value] = {}
        with _find(query, cursor).measured(attributes=attributes):
            execute(cursor, query, *args, **kwargs)
            attributes.update(_rows(cursor) or {})

    return run


def _watched_async_many(execute: Callable[..., Any]) -> Callable[..., Any]:
    async def run(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> None:
        attributes: dict[str, Value] = {}
        with _find(query, cursor).measured(attributes=attributes):
            await execute(cursor, query, *args, **kwargs)
            attributes.update(_rows(cursor) or {})

    return run


def _watched_stream(stream: Callable[..., Any]) -> Callable[..., Any]:
    def run(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with _find(query, cursor).measured():
            yield from stream(cursor, query, *args, **kwargs)

    return run


def _watched_async_stream(stream: Callable[..., Any]) -> Callable[..., Any]:
    async def run(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with _find(query, cursor).measured():
            async for row in stream(cursor, query, *args, **kwargs):
                yield row

    return run


def _watched_copy(copy: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def run(cursor: Any, statement: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with _find(statement, cursor).measured(), copy(cursor, statement, *args, **kwargs) as copying:
            yield copying

    return run


def _watched_async_copy(copy: Callable[..., Any]) -> Callable[..., Any]:
    @asynccontextmanager
    async def run(cursor: Any, statement: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with _find(statement, cursor).measured():
            async with copy(cursor, statement, *args, **kwargs) as copying:
                yield copying

    return run


def _watched_connect(connect: Callable[..., Any]) -> Callable[..., Any]:
    def run(cls: Any, *args: Any, **kwargs: Any) -> Any:
        started = clock()
        try:
            connection = connect(cls, *args, **kwargs)
        except BaseException as error:
            record_open("db", started=started, error=error)
            raise
        _opened(connection, started)
        return connection

    return run


def _watched_async_connect(connect: Callable[..., Any]) -> Callable[..., Any]:
    async def run(cls: Any, *args: Any, **kwargs: Any) -> Any:
        started = clock()
        try:
            connection = await connect(cls, *args, **kwargs)
        except BaseException as error:
            record_open("db", started=started, error=error)
            raise
        _opened(connection, started)
        return connection

    return run


def _watched_close(close: Callable[..., Any]) -> Callable[..., Any]:
    def run(connection: Any) -> None:
        close(connection)
        _closed(connection)

    return run


def _watched_async_close(close: Callable[..., Any]) -> Callable[..., Any]:
    async def run(connection: Any) -> None:
        await close(connection)
        _closed(connection)

    return run


def _replace_shortcut() -> None:
    """`psycopg.connect` is the original's bound method, made when psycopg was imported."""
    original = psycopg.connect
    psycopg.connect = psycopg.Connection.connect
    PATCHES.also(lambda: setattr(psycopg, "connect", original))


def _opened(connection: Any, started: float) -> None:
    opened = clock()
    record_open("db", started=started, attributes={DB_NAMESPACE: connection.info.dbname})
    # A connection that is dropped rather than closed is closed too: when it is collected.
    closing = weakref.finalize(connection, lambda: record_close("db", started=opened))
    closing.atexit = False
    setattr(connection, _CLOSING, closing)


def _closed(connection: Any) -> None:
    closing = getattr(connection, _CLOSING, None)
    if closing is not None:
        closing()


def _find(query: Any, cursor: Any) -> CallSite:
    text: Any = query
    if isinstance(query, Composable):
        text = query.as_string(None)
    elif isinstance(query, bytes):
        text = query.decode("utf-8", "replace")
    key = query if isinstance(query, str | bytes) else str(text)
    return _by_text.get(key) or _sites.find(key, str(text))


def _rows(cursor: Any) -> dict[str, int] | None:
    count: int = cursor.rowcount
    return {DB_ROWS: count} if count >= 0 else None
