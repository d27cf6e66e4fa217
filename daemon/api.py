"""The read API of port 8080: events, series, traces and panels, as JSON; an export as a download."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import cast

from aiohttp import web

from daemon.charts import read_chart, read_covered
from daemon.core import Core, installed_version
from daemon.export import writer_of
from daemon.history_reader import Found, Held, read_back, read_count, read_held, read_on, read_trace
from daemon.marks import read_marks
from daemon.openapi import document
from daemon.parts import P, Panel
from daemon.questions import (
    check_nothing,
    cursor,
    read_events,
    read_export,
    read_series,
    read_span,
    read_trace_id,
)
from daemon.selection import EVERYTHING
from daemon.traces import trace_answer
from daemon.web import Handler, error_answer, host_asked, json_answer
from monitoring.wire import (
    Backups,
    BackupsMessage,
    Calls,
    EventsPage,
    Health,
    Migrations,
    Page,
    Semaphores,
    Sources,
    StatsAnswer,
)

_TRACE_EVENTS = 2000
_EXPORT_EVENTS = 2000
_EXPORT_READ_S = 30.0
_MICROSECONDS = 1_000_000
_EMPTY: dict[type, Panel] = {
    Health: Health(components=[]),
    Migrations: Migrations(migrations=[]),
    BackupsMessage: BackupsMessage(
        backups=Backups(kept=0, size_bytes=None, newest_us=None, last_drill_us=None, list=[])
    ),
    Sources: Sources(sources=[]),
    Semaphores: Semaphores(semaphores=[]),
    Calls: Calls(requests=[]),
}


class Api:
    """The handlers; a page finds the stream at `stream_port` of the host it asked."""

    def __init__(self, core: Core, stream_port: int) -> None:
        self._core, self._stream_port = core, stream_port

    def handlers(self) -> dict[str, Handler]:
        """Who answers each path."""
        return {
            "/api/page": self.page,
            "/api/events": self.events,
            "/api/stats": self.stats,
            "/api/marks": self.marks,
            "/api/traces/{trace_id}": self.trace,
            "/api/export": self.export,
            "/api/sources": partial(self._panel, Sources),
            "/api/migrations": partial(self._panel, Migrations),
            "/api/backups": partial(self._panel, BackupsMessage),
            "/api/semaphores": partial(self._panel, Semaphores),
            "/api/calls": partial(self._panel, Calls),
            "/api/health": partial(self._panel, Health),
            "/api/openapi.json": self.openapi,
        }

    async def page(self, request: web.Request) -> web.Response:
        """All that the first paint needs."""
        check_nothing(request.query)
        held = await self._core.history.read(read_held)
        encrypted = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        scheme = "wss" if encrypted else "ws"
        return json_answer(Page(
            stream_url=f"{scheme}://{host_asked(request)}:{self._stream_port}/monitoring",
            hello=self._core.hello(held),
            stats=self._core.stats(),
            health=self._latest(Health),
            migrations=self._latest(Migrations),
            backups=self._latest(BackupsMessage),
            sources=self._latest(Sources),
            semaphores=self._latest(Semaphores),
            calls=self._latest(Calls),
        ))  # fmt: skip

    async def events(self, request: web.Request) -> web.Response:
        """A page of events, newest first."""
        asked = read_events(request.query)

        def work(connection: sqlite3.Connection) -> tuple[Held, Found, int | None]:
            held, found = read_held(connection), read_back(connection, asked.selection, asked.below, asked.limit)
            if asked.selection == EVERYTHING:
                return held, found, held.events
            if asked.below is not None:  # whoever asks for further pages has the number from the first
                return held, found, None
            return held, found, len(found.events) if found.reached is None else read_count(connection, asked.selection)

        held, found, total = await self._core.history.read(work)
        following = None if found.reached is None or found.reached <= held.oldest else cursor(found.reached)
        return json_answer(EventsPage(events=found.events, next=following, total=total, all=held.events))

    async def stats(self, request: web.Request) -> web.Response:
        """Series for the charts."""
        now_us = self._core.clock_us()
        asked = read_series(request.query, now_us)
        books = self._core.books
        now = dict.fromkeys(self._core.ingest.connected, now_us)

        def work(connection: sqlite3.Connection) -> StatsAnswer:
            covered = read_covered(connection, books, now)
            return read_chart(connection, asked, covered, now_us // _MICROSECONDS)

        return json_answer(await self._core.history.read(work))

    async def marks(self, request: web.Request) -> web.Response:
        """Vertical lines for the charts."""
        from_us, to_us = read_span(request.query, self._core.clock_us())
        return json_answer(await self._core.history.read(lambda c: read_marks(c, from_us, to_us)))

    async def trace(self, request: web.Request) -> web.Response:
        """One request across kinds."""
        check_nothing(request.query)
        trace_id = read_trace_id(request.match_info["trace_id"]) or ""
        events = await self._core.history.read(lambda c: read_trace(c, trace_id, _TRACE_EVENTS))
        if not events:
            return error_answer(404, "no event of this request is kept: it was not sampled, or the history forgot it")
        return json_answer(trace_answer(trace_id, events))

    async def export(self, request: web.Request) -> web.StreamResponse:
        """What a filter shows, oldest first, as it was when the download began."""
        wanted, selection = read_export(request.query)
        head, write, media_type = writer_of(wanted)
        held = await self._core.history.read(read_held)
        name = f"events-{self._core.clock_us() // _MICROSECONDS}.{wanted}"
        answer = web.StreamResponse(headers={
            "Content-Type": f"{media_type}; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        })  # fmt: skip
        await answer.prepare(request)
        await answer.write(head)
        first: int | None = held.oldest
        while first is not None and first <= held.latest:
            page = partial(read_on, wanted=selection, first=first, last=held.latest, limit=_EXPORT_EVENTS)
            found = await self._core.history.read(page, _EXPORT_READ_S)
            await answer.write(write(found.events))
            first = None if found.reached is None else found.reached + 1
        await answer.write_eof()
        return answer

    async def openapi(self, request: web.Request) -> web.Response:
        """What there is to ask."""
        check_nothing(request.query)
        return json_answer(document(installed_version()))

    async def _panel(self, kind: type[P], request: web.Request) -> web.Response:
        check_nothing(request.query)
        return json_answer(self._latest(kind))

    def _latest(self, kind: type[P]) -> P:
        if kind in (Sources, Semaphores, Calls):
            self._core.refresh()
        return self._core.board.latest(kind) or cast(P, _EMPTY[kind])
