"""httpx, and what speaks through it (supabase, OpenAI-style clients): each request, with a model's name and tokens.

from monitoring.integrations.httpx import monitor_httpx

monitor_httpx()

The kind follows from the host: Kimi's, GLM's and Supabase's are known, `kinds` names others, the rest is http.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import httpx

from monitoring.conventions import HTTP_METHOD, HTTP_STATUS, PROVIDER, REQUEST_MODEL, SERVER_ADDRESS, SERVER_PORT
from monitoring.correlation import TRACEPARENT, trace_headers
from monitoring.integrations.model_answers import read_answer, read_request_model, read_stream_line
from monitoring.integrations.patches import Patches, Undo
from monitoring.recorder import CallSite, call_site, clock
from monitoring.settings import Rule, settings
from monitoring.wire import Value

PATCHES = Patches()

HOSTS: Mapping[str, str] = MappingProxyType(
    {
        "moonshot.ai": "kimi",
        "moonshot.cn": "kimi",
        "kimi.com": "kimi",
        "z.ai": "glm",
        "bigmodel.cn": "glm",
        "supabase.co": "supabase",
        "supabase.in": "supabase",
    }
)
"""Whose a host is, by the end of its name."""

_PROVIDERS = frozenset({"kimi", "glm"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_DATABASE_NAMES = {"POST": "db.insert", "PUT": "db.insert", "PATCH": "db.update", "DELETE": "db.delete"}
_MOST_SITES = 500
_MOST_PENDING = 65_536  # characters of a streamed line that are kept
_FIRST_ERROR = 400


def monitor_httpx(kinds: Mapping[str, str] = MappingProxyType({})) -> Undo:
    """Watch every client of httpx from here on; `kinds` maps hosts (or host:port) to kinds; returns what ends it."""
    if not settings().enabled or PATCHES.installed:
        return PATCHES.undo
    sites = _Sites(dict(kinds))
    PATCHES.replace(httpx.Client, "send", sites.watched)
    PATCHES.replace(httpx.AsyncClient, "send", sites.watched_async)
    return PATCHES.undo


@dataclass(slots=True)
class _Sites:
    """The call sites of requests: one a host and method."""

    kinds: dict[str, str]
    _known: dict[tuple[str, str], CallSite] = field(default_factory=dict)

    def watched(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def run(client: Any, request: httpx.Request, **kwargs: Any) -> Any:
            call = self._call(request)
            try:
                response = send(client, request, **kwargs)
            except BaseException as error:
                call.failed(error)
                raise
            if kwargs.get("stream"):
                response.stream = _WatchedStream(response.stream, call, response)
            else:
                call.done(response)
            return response

        return run

    def watched_async(self, send: Callable[..., Any]) -> Callable[..., Any]:
        async def run(client: Any, request: httpx.Request, **kwargs: Any) -> Any:
            call = self._call(request)
            try:
                response = await send(client, request, **kwargs)
            except BaseException as error:
                call.failed(error)
                raise
            if kwargs.get("stream"):
                response.stream = _WatchedAsyncStream(response.stream, call, response)
            else:
                call.done(response)
            return response

        return run

    def _call(self, request: httpx.Request) -> _Call:
        """The call begins; its trace goes with it."""
        if TRACEPARENT not in request.headers:
            request.headers.update(trace_headers())
        site = self._find(request.url.netloc.decode("ascii", "replace"), request.method, request.url)
        attributes: dict[str, Value] = {}
        if site.kind in _PROVIDERS:
            model = read_request_model(_content(request))
            if model is not None:
                attributes[REQUEST_MODEL] = model
        return _Call(site, attributes)

    def _find(self, place: str, method: str, url: httpx.URL) -> CallSite:
        key = (place, method)
        site = self._known.get(key)
        if site is None:
            site = self._make(place, method, url)
            if len(self._known) < _MOST_SITES:
                self._known[key] = site
        return site

    def _make(self, place: str, method: str, url: httpx.URL) -> CallSite:
        host = url.host
        kind = self.kinds.get(place) or self.kinds.get(host) or _known_kind(host)
        attributes: dict[str, Value] = {HTTP_METHOD: method, SERVER_ADDRESS: host}
        if url.port is not None:
            attributes[SERVER_PORT] = url.port
        if kind in _PROVIDERS:
            return call_site("provider.call", kind, "out", Rule.ALL, {**attributes, PROVIDER: kind})
        if kind == "supabase":
            rule = Rule.READ if method in _READS else Rule.ALL
            return call_site(_DATABASE_NAMES.get(method, "db.query"), kind, "out", rule, attributes)
        return call_site("http.request", kind, "out", Rule.ALL, attributes)


@dataclass(slots=True)
class _Call:
    """One request on its way."""

    site: CallSite
    attributes: dict[str, Value]
    started: float = field(default_factory=clock)
    ended: bool = False

    def failed(self, error: BaseException) -> None:
        """No answer came, or it broke off."""
        if not self.ended:
            self.ended = True
            self.site.failed(self.started, error, self.attributes)

    def done(self, response: httpx.Response) -> None:
        """The whole answer is there."""
        if self.site.kind in _PROVIDERS and response.status_code < _FIRST_ERROR:
            self.attributes |= read_answer(response.content)
        self.answered(response, len(response.content))

    def answered(self, response: httpx.Response, size: int) -> None:
        """The answer has ended; a status of 400 and above is an error, whose type is its number."""
        if self.ended:
            return
        self.ended = True
        self.attributes[HTTP_STATUS] = response.status_code
        if response.status_code >= _FIRST_ERROR:
            self.site.keep("error", str(response.status_code), self.started, size, self.attributes)
        else:
            self.site.done(self.started, size, self.attributes)


@dataclass(slots=True)
class _Lines:
    """What passes through a streamed answer: its size, and the tokens that its last events tell."""

    call: _Call
    response: httpx.Response
    size: int = 0
    pending: bytes = b""

    def see(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.call.site.kind not in _PROVIDERS or self.response.headers.get("content-encoding"):
            return
        *lines, rest = (self.pending + chunk).split(b"\n")
        for line in lines:
            self.call.attributes |= read_stream_line(line)
        self.pending = rest[-_MOST_PENDING:]

    def end(self) -> None:
        self.call.answered(self.response, self.size)


class _WatchedStream(httpx.SyncByteStream):
    """A streamed answer, watched until it is closed."""

    def __init__(self, stream: Any, call: _Call, response: httpx.Response) -> None:
        self._stream = stream
        self._lines = _Lines(call, response)

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._lines.see(chunk)
                yield chunk
        except Exception as error:
            self._lines.call.failed(error)
            raise

    def close(self) -> None:
        self._stream.close()
        self._lines.end()


class _WatchedAsyncStream(httpx.AsyncByteStream):
    """A streamed answer of the asyncio client, watched until it is closed."""

    def __init__(self, stream: Any, call: _Call, response: httpx.Response) -> None:
        self._stream = stream
        self._lines = _Lines(call, response)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                self._lines.see(chunk)
                yield chunk
        except Exception as error:
            self._lines.call.failed(error)
            raise

    async def aclose(self) -> None:
        await self._stream.aclose()
        self._lines.end()


def _known_kind(host: str) -> str:
    return next((kind for end, kind in HOSTS.items() if host == end or host.endswith(f".{end}")), "http")


def _content(request: httpx.Request) -> bytes:
    try:
        return request.content
    except httpx.RequestNotRead:  # it is streamed up
        return b""
