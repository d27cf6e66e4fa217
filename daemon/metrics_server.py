"""Metrics over HTTP: /metrics in Prometheus's text format."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from daemon.health_server import add_headers
from daemon.security import Access, Scope, asked_of, refuse


def metrics_application(registry: CollectorRegistry, access: Access, now: Callable[[], datetime]) -> web.Application:
    """Whoever may read may scrape: Prometheus sends the token as `authorization: credentials`."""

    async def metrics(request: web.Request) -> web.Response:
        asked = asked_of(request.method, request.raw_path, request.headers.items())
        refusal = refuse(access, asked, Scope.READ, now())
        if refusal is not None:
            return web.json_response({"error": refusal.reason}, status=refusal.status)
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application(client_max_size=1024)
    application.add_routes([web.get("/metrics", metrics)])
    application.on_response_prepare.append(add_headers)
    return application
