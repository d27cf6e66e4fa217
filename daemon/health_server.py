"""Health over HTTP: /health/live, /health/ready, /health and /health/startup; a thin shell over the standings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from aiohttp import web

from daemon.health import worst
from daemon.observation import Standings
from daemon.probes.finding import Status
from daemon.security import HEADERS, Access, Scope, asked_of, refuse
from monitoring.wire import Component

_JSON = "application/json"
_FAILING = (Status.UNHEALTHY, Status.UNKNOWN)


class Answer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What each path answers; components only to who may read."""

    status: str
    components: list[Component] | None = None


def health_application(standings: Standings, access: Access, now: Callable[[], datetime]) -> web.Application:
    """Orchestrators ask without a token: they get the status alone where one is set."""
    needed = {probe.name for probe in standings.probes if probe.needed}

    def may_read(request: web.Request) -> bool:
        asked = asked_of(request.method, request.raw_path, request.headers.items())
        return refuse(access, asked, Scope.READ, now()) is None

    async def live(_: web.Request) -> web.Response:
        return _answer(Answer(status="alive"), failing=False)

    async def startup(_: web.Request) -> web.Response:
        measured = standings.started_up
        return _answer(Answer(status="started" if measured else "starting"), failing=not measured)

    async def ready(request: web.Request) -> web.Response:
        components = [one for one in standings.components() if one.name in needed]
        return _standing(components, shown=may_read(request))

    async def health(request: web.Request) -> web.Response:
        return _standing(standings.components(), shown=may_read(request))

    application = web.Application(client_max_size=1024)
    application.add_routes([
        web.get("/health/live", live), web.get("/health/ready", ready), web.get("/health/startup", startup),
        web.get("/health", health),
    ])  # fmt: skip
    application.on_response_prepare.append(add_headers)
    return application


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Security headers on every answer, errors too; what is true now is not to be kept."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def _standing(components: list[Component], *, shown: bool) -> web.Response:
    status = worst(components)
    answer = Answer(status=status.value, components=components if shown else None)
    return _answer(answer, failing=status in _FAILING)


def _answer(answer: Answer, *, failing: bool) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), content_type=_JSON, status=503 if failing else 200)
