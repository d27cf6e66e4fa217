"""Servers: the stream's and the page's applications, each with the paths it has and who may ask for them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from aiohttp import web

from daemon.api import Api
from daemon.core import Core
from daemon.login import Login
from daemon.own_events import OwnEvents
from daemon.page_files import PageFiles
from daemon.security import Access, Limits, Scope
from daemon.web import Guard, answer_errors, guard, headers_for


def stream_application(core: Core, access: Access, own: OwnEvents) -> web.Application:
    """Port 8079: /monitoring and /ingest."""
    application = web.Application(middlewares=[answer_errors], client_max_size=Limits().form_bytes)
    door = Guard(access, core.counts, partial(own.authenticated, False))
    application.router.add_get("/monitoring", guard(door, Scope.READ, core.stream.serve))
    application.router.add_get("/ingest", guard(door, Scope.INGEST, core.ingest.serve))
    application.on_response_prepare.append(headers_for(0))
    return application


def page_application(core: Core, access: Access, own: OwnEvents, stream_port: int) -> web.Application:
    """Port 8080: page, read API and exports. The page's files hold no secret: a token is asked for what they show."""
    application = web.Application(middlewares=[answer_errors], client_max_size=Limits().form_bytes)
    files = PageFiles(core.settings.dashboard)
    login = Login(access, files, Limits(), own.authenticated)
    door = Guard(access, core.counts, partial(own.authenticated, False))
    for path, handler in Api(core, stream_port).handlers().items():
        application.router.add_get(path, guard(door, Scope.READ, handler))
    anybody = replace(door, access=replace(access, monitor_token=None))
    application.router.add_get("/", guard(anybody, Scope.READ, login.page))
    application.router.add_post("/login", guard(anybody, Scope.READ, login.take))
    application.router.add_get("/{path:.+}", guard(anybody, Scope.READ, files.serve))
    application.on_response_prepare.append(headers_for(stream_port))
    return application
