"""SQLAlchemy: each statement of its engines, whatever the driver, and each connection opened and closed.

from monitoring.integrations.sqlalchemy import monitor_sqlalchemy

monitor_sqlalchemy()

Where psycopg is watched too, its statements are recorded there, once.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.pool import Pool

from monitoring.calls import record_close, record_open
from monitoring.integrations.patches import Patches, Undo
from monitoring.integrations.statements import StatementSites
from monitoring.recorder import CallSite, clock
from monitoring.settings import settings

PATCHES = Patches()

_sites = StatementSites()
_by_text = _sites.by_text
_CALL = "_pgfold_call"


def monitor_sqlalchemy() -> Undo:
    """Watch every engine of SQLAlchemy, sync and async, from here on; returns what ends it."""
    if not settings().enabled or PATCHES.installed:
        return PATCHES.undo
    for target, name, listener in (
        (Engine, "before_cursor_execute", _begin),
        (Engine, "after_cursor_execute", _done),
        (Engine, "handle_error", _failed),
        (Pool, "connect", _opened),
        (Pool, "close", _closed),
        (Pool, "close_detached", _closed_detached),
    ):
        event.listen(target, name, listener)
        PATCHES.also(lambda target=target, name=name, listener=listener: event.remove(target, name, listener))  # type: ignore[misc]
    return PATCHES.undo


def _begin(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
    if _is_seen_below(cursor):
        return
    site = _by_text.get(statement) or _sites.find(statement, statement)
    if context is not None:
        setattr(context, _CALL, (site, clock()))


def _done(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
    call = _take(context)
    if call is not None:
        site, started = call
        site.done(started)


def _failed(context: ExceptionContext) -> None:
    call = _take(context.execution_context)
    if call is not None:
        site, started = call
        site.failed(started, context.original_exception)


def _take(context: Any) -> tuple[CallSite, float] | None:
    call: tuple[CallSite, float] | None = getattr(context, _CALL, None)
    if call is not None:
        setattr(context, _CALL, None)
    return call


def _opened(driver_connection: Any, record: Any) -> None:
    if not _is_seen_below(driver_connection):
        record_open("db")
        record.info[_CALL] = clock()


def _closed(driver_connection: Any, record: Any) -> None:
    started = record.info.pop(_CALL, None) if record is not None else None
    if started is not None:
        record_close("db", started=started)


def _closed_detached(driver_connection: Any) -> None:
    if not _is_seen_below(driver_connection):
        record_close("db")


def _is_seen_below(thing: Any) -> bool:
    """Whether the driver's own integration records what this cursor or connection does."""
    module = type(thing).__module__
    if module.partition(".")[0] != "psycopg" and not module.startswith("sqlalchemy.dialects.postgresql.psycopg"):
        return False
    from monitoring.integrations import psycopg  # imported here: only where psycopg is the driver

    return psycopg.PATCHES.installed
