"""Web: what all servers have in common: who may ask, headers, and an answer to what went wrong."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from daemon.counters import Count, Counters
from daemon.errors import BadRequest, HistoryUnavailable
from daemon.security import HEADERS, Access, Scope, asked_of, page_headers, refuse
from monitoring.wire import ErrorAnswer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_JSON = "application/json"

encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


def json_answer(body: object, status: int = 200) -> web.Response:
    """An answer of the API; what is true now is not to be kept."""
    return web.Response(
        body=encode(body), status=status, content_type=_JSON, charset="utf-8", headers={"Cache-Control": "no-store"}
    )


def error_answer(status: int, sentence: str) -> web.Response:
    """What went wrong, with the remedy."""
    return json_answer(ErrorAnswer(error=sentence), status)


@dataclass(frozen=True, slots=True)
class Guard:
    """Who is let in, and who is told of those that are not: `turned_away` is given how they asked, and the status."""

    access: Access
    counters: Counters
    turned_away: Callable[[str, int], None]


def guard(door: Guard, scope: Scope, handler: Handler) -> Handler:
    """Let through who may; answer the others, and count them."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        asked = asked_of(request.method, request.raw_path, request.headers.items())
        refusal = refuse(door.access, asked, scope, datetime.now(UTC))
        if refusal is None:
            return await handler(request)
        door.counters.count(Count.REQUESTS_REFUSED)
        door.turned_away("token" if asked.authorization else "cookie" if asked.cookies else "none", refusal.status)
        return error_answer(refusal.status, refusal.reason)

    return guarded


def headers_for(stream_port: int) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Security headers on every answer, errors too; a page may connect to the stream's port."""

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        if response.status == 101:
            return
        asked = asked_of(request.method, request.raw_path, request.headers.items())
        response.headers.update(page_headers(asked, stream_port) if stream_port else HEADERS)

    return add


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Each error is JSON with a sentence; what nobody foresaw is logged and says no more than that."""
    try:
        return await handler(request)
    except BadRequest as error:
        return error_answer(400, str(error))
    except HistoryUnavailable as error:
        return error_answer(503, str(error))
    except TimeoutError:
        return error_answer(503, "the answer took too long: ask for less, or again in a moment")
    except web.HTTPNotFound:
        return error_answer(404, "there is nothing at this path: /api/openapi.json lists what there is")
    except web.HTTPException as error:
        return error_answer(error.status, error.reason)
    except ConnectionError as error:
        _log.info("a client of %s went away: %s", request.path, error)
        return web.Response(status=400)  # which nobody reads
    except Exception:  # noqa: BLE001 - the top of a request
        _log.exception("a request to %s failed", request.path)
        return error_answer(500, "the daemon met an error of its own: its log says which")


def host_asked(request: web.Request) -> str:
    """The name or address that the client knows this machine by, as it is written into an address."""
    asked = asked_of(request.method, request.raw_path, request.headers.items())
    name = urlsplit(f"//{asked.host}").hostname or "127.0.0.1"
    return f"[{name}]" if ":" in name else name
