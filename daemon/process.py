"""Process: everything is started in order, runs until a signal, and stops without losing what was acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from daemon.core import Core
from daemon.errors import SettingsError
from daemon.folds import Folds
from daemon.health_server import health_application
from daemon.listening import Turned, connection_limit, listen, raise_file_limit, runner_options
from daemon.metrics_server import metrics_application
from daemon.observation import Server
from daemon.own_events import OwnEvents
from daemon.parts import Part
from daemon.ports import address_to_open, number, open_port
from daemon.security import Access, Limits, is_loopback, listening_refusals
from daemon.servers import page_application, stream_application
from daemon.settings import Settings, describe
from daemon.watching import Watching, begin, now, registry

_STOP_S = 5.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Sockets:
    """What is listened on; None where a server is disabled."""

    stream: socket.socket
    page: socket.socket | None
    health: socket.socket | None
    metrics: socket.socket | None


async def run(settings: Settings, say: Callable[[str], None]) -> None:
    """The daemon, until SIGTERM or Ctrl-C.

    Raises:
        SettingsError: it would be open to others without tokens.
        PortTaken: an enabled server cannot listen.
        HistoryUnavailable: another daemon has this history.
    """
    access = access_of(settings)
    refusals = listening_refusals([settings.bind_address], access)
    if refusals:
        raise SettingsError("\n".join(refusals))
    asked = _stop_asked()
    files = raise_file_limit()
    async with AsyncExitStack() as stack:
        sockets = open_sockets(settings, stack)
        if sockets.page is not None:
            access = access_of(settings, number(sockets.page))
        core = Core(settings, lambda: time.time_ns() // 1000)
        core.history.start()
        await core.replay()
        stack.push_async_callback(core.history.stop)
        limit = connection_limit(Limits(), files)
        own = OwnEvents(core, f"ws://{address_to_open(settings.bind_address)}:{number(sockets.stream)}/ingest")
        await _serve(stack, stream_application(core, access, own), sockets.stream, limit, core.turned)
        if sockets.page is not None:
            page = page_application(core, access, own, number(sockets.stream))
            await _serve(stack, page, sockets.page, limit, core.turned)
        watching = Watching(core)
        await begin(stack, watching, observers(watching, sockets, access, limit))
        async with _running(core, [watching, *parts(core)]):
            for line in announcements(settings, sockets):
                say(line)
            await asked.wait()
            say("stopping: what was acknowledged is stored")
            await own.stop()
            await core.ingest.stop()
            await core.stream.stop()
    say("stopped")


def observers(watching: Watching, sockets: Sockets, access: Access, limit: int) -> list[Server]:
    """What is served by the thread that looks, so that it is answered while the main loop is frozen."""
    servers = []
    if sockets.health is not None:
        servers.append(Server(health_application(watching.standings, access, now), sockets.health, limit))
    if sockets.metrics is not None:
        servers.append(Server(metrics_application(registry(watching), access, now), sockets.metrics, limit))
    return servers


def parts(core: Core) -> list[Part]:
    """What runs beside the core."""
    return [Folds(core.say_title)]


def access_of(settings: Settings, page_port: int | None = None) -> Access:
    """Who is let in."""
    return Access(
        monitor_token=settings.monitor_token,
        ingest_token=settings.ingest_token,
        page_port=page_port or settings.monitoring_port or 0,
        origins=settings.origins,
        only_loopback=is_loopback(settings.bind_address),
    )


def open_sockets(settings: Settings, stack: AsyncExitStack) -> Sockets:
    """A socket for each enabled server, or a clear error before anything else starts."""

    def opened(setting: str, port: int | None) -> socket.socket | None:
        if port is None:
            return None
        return stack.enter_context(contextlib.closing(open_port(setting, settings.bind_address, port)))

    stream = stack.enter_context(contextlib.closing(open_port("WS_PORT", settings.bind_address, settings.ws_port)))
    return Sockets(
        stream=stream,
        page=opened("MONITORING_PORT", settings.monitoring_port),
        health=opened("HEALTH_CHECK_PORT", settings.health_port),
        metrics=opened("METRICS_PORT", settings.metrics_port),
    )


def announcements(settings: Settings, sockets: Sockets) -> Iterable[str]:
    """The settings, and addresses that can be opened."""
    yield from describe(settings)
    host = address_to_open(settings.bind_address)
    yield f"stream    ws://{host}:{number(sockets.stream)}/monitoring"
    yield f"ingest    ws://{host}:{number(sockets.stream)}/ingest"
    for name, opened, path in (("page", sockets.page, "/"), ("health", sockets.health, "/health"),
                               ("metrics", sockets.metrics, "/metrics")):  # fmt: skip
        yield f"{name:<9} {f'http://{host}:{number(opened)}{path}' if opened else 'disabled'}"


@asynccontextmanager
async def _running(core: Core, beside: list[Part]) -> AsyncIterator[None]:
    """The core's tasks and the parts, cancelled at the end."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_guarded("tick", core.tick), name="tick"),
            group.create_task(_guarded("every second", core.every_second), name="every second"),
            *(group.create_task(_guarded(part.name, lambda part=part: part.run(core.view)), name=part.name)  # type: ignore[misc]
              for part in beside),
        ]  # fmt: skip
        yield
        for task in tasks:
            task.cancel()


async def _guarded(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """A task that met an error of its own is logged and begun again: one part's mistake stops no other."""
    while True:
        try:
            await work()
            return
        except Exception:  # noqa: BLE001 - the top of a task
            _log.exception("%s met an error of its own and is begun again", name)
        await asyncio.sleep(1)


async def _serve(
    stack: AsyncExitStack, application: web.Application, opened: socket.socket, limit: int, turned: Turned
) -> None:
    runner = web.AppRunner(application, **runner_options(Limits()))
    await runner.setup()
    stack.push_async_callback(_clean_up, runner)
    server = await listen(runner, opened, limit, turned)
    stack.callback(server.close)


async def _clean_up(runner: web.AppRunner) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_STOP_S):
            await runner.cleanup()


def _stop_asked() -> asyncio.Event:
    """Set once the process is asked to stop, from now on."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, asked.set)
    return asked
