"""httpx to local servers: an OpenAI-style provider's answers, whole and streamed, and everything else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from aiohttp import web

import monitoring
from monitoring.integrations.httpx import monitor_httpx
from tests.ingest import Ingest

Monitored = Callable[[], Ingest]
ASK = {"model": "kimi-k2", "messages": [{"role": "user", "content": "a secret"}]}
USAGE = {"prompt_tokens": 1204, "completion_tokens": 312, "total_tokens": 1516}
ANSWER = {"model": "kimi-k2-0905", "choices": [{"message": {"content": "another secret"}}], "usage": USAGE}


@dataclass(slots=True)
class Provider:
    """An OpenAI-style server in a thread of its own."""

    port: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.place}{path}"

    async def complete(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        asked = await request.json()
        if asked.get("model") == "busy":
            return web.json_response({"error": {"code": "rate_limited"}}, status=429)
        if not asked.get("stream"):
            return web.json_response(ANSWER)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(3):
            await response.write(b'data: {"model":"kimi-k2-0905","choices":[{"delta":{"content":"x"}}]}\n\n')
        if asked.get("model") == "broken":
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write(b'data: {"model":"kimi-k2-0905","choices":[],"us')
        await response.write(b'age":{"prompt_tokens":7,"completion_tokens":3}}\n\ndata: [DONE]\n\n')
        return response

    async def rows(self, request: web.Request) -> web.Response:
        return web.json_response([])


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """A provider that answers for as long as the module's tests run."""
    made = Provider()
    loop = asyncio.new_event_loop()
    started = threading.Event()

    async def serve() -> web.AppRunner:
        application = web.Application()
        application.router.add_post("/v1/chat/completions", made.complete)
        application.router.add_route("*", "/rest/v1/{table}", made.rows)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.port = runner.addresses[0][1]
        started.set()
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(serve())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    yield made
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.fixture
def kimi(provider: Provider) -> Iterator[Provider]:
    """The provider, known as Kimi."""
    undo = monitor_httpx(kinds={provider.place: "kimi"})
    yield provider
    undo()


def ask_sync(url: str, body: object) -> None:
    with httpx.Client(trust_env=False) as client:
        client.post(url, json=body)


def ask_async(url: str, body: object) -> None:
    async def run() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(url, json=body)

    asyncio.run(run())


def stream_sync(url: str, body: object) -> None:
    with httpx.Client(trust_env=False) as client, client.stream("POST", url, json=body) as response:
        list(response.iter_lines())


def stream_async(url: str, body: object) -> None:
    async def run() -> None:
        client = httpx.AsyncClient(trust_env=False)
        async with client, client.stream("POST", url, json=body) as response:
            async for _ in response.aiter_lines():
                pass

    asyncio.run(run())


@pytest.mark.parametrize("ask", [ask_sync, ask_async])
def test_a_providers_call_has_its_model_tokens_status_size_and_request(
    monitored: Monitored, kimi: Provider, ask: Callable[[str, object], None]
) -> None:
    with monitoring.trace() as trace_id:
        ask(kimi.url("/v1/chat/completions"), ASK)
    (event,) = monitored().events
    assert (event.name, event.kind, event.direction, event.outcome, event.weight) == (
        "provider.call",
        "kimi",
        "out",
        "ok",
        1,
    )
    assert (event.trace_id, (event.duration_ns or 0) > 100_000, (event.size_bytes or 0) > 100) == (trace_id, True, True)
    assert event.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": kimi.port,
        "gen_ai.provider.name": "kimi",
        "gen_ai.request.model": "kimi-k2",
        "gen_ai.response.model": "kimi-k2-0905",
        "gen_ai.usage.input_tokens": 1204,
        "gen_ai.usage.output_tokens": 312,
    }
    assert "secret" not in str(event)
    assert kimi.headers[-1]["traceparent"].split("-")[1] == kimi.headers[-1]["X-Correlation-ID"] == trace_id


@pytest.mark.parametrize("stream", [stream_sync, stream_async])
def test_a_streamed_answer_counts_to_its_end_with_the_tokens_of_its_last_event(
    monitored: Monitored, kimi: Provider, stream: Callable[[str, object], None]
) -> None:
    stream(kimi.url("/v1/chat/completions"), {**ASK, "stream": True})
    (event,) = monitored().events
    attributes = event.attributes or {}
    assert (event.outcome, attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]) == (
        "ok",
        7,
        3,
    )
    assert (event.size_bytes or 0) > 250


@pytest.mark.parametrize("stream", [stream_sync, stream_async])
def test_a_streamed_answer_that_breaks_off_is_an_error(
    monitored: Monitored, kimi: Provider, stream: Callable[[str, object], None]
) -> None:
    with pytest.raises(httpx.HTTPError):
        stream(kimi.url("/v1/chat/completions"), {"model": "broken", "stream": True})
    (event,) = monitored().events
    assert (event.outcome, event.error_type) in {("error", "RemoteProtocolError"), ("error", "ReadError")}


def test_a_refusal_is_an_error_named_by_its_status(monitored: Monitored, kimi: Provider) -> None:
    ask_sync(kimi.url("/v1/chat/completions"), {"model": "busy"})
    (event,) = monitored().events
    assert (event.outcome, event.error_type, (event.attributes or {})["gen_ai.request.model"]) == (
        "error",
        "429",
        "busy",
    )


def test_no_answer_is_an_error_named_by_what_was_raised(monitored: Monitored, kimi: Provider) -> None:
    with pytest.raises(httpx.ConnectError):
        ask_sync("http://127.0.0.1:1/", ASK)
    (event,) = monitored().events
    assert (event.name, event.kind, event.outcome, event.error_type) == (
        "http.request",
        "http",
        "error",
        "ConnectError",
    )


def test_supabase_reads_are_a_sample_and_its_writes_are_all(monitored: Monitored, provider: Provider) -> None:
    undo = monitor_httpx(kinds={"127.0.0.1": "supabase"})
    with httpx.Client(trust_env=False) as client:
        for _ in range(51):
            client.get(provider.url("/rest/v1/issues"))
        for _ in range(7):
            client.post(provider.url("/rest/v1/issues"), json={})
    undo()
    ingest = monitored()
    assert abs(sum(event.weight for event in ingest.named("db.query")) - 51) < 10
    assert [event.weight for event in ingest.named("db.insert")] == [1] * 7


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("api.moonshot.ai", "kimi"), ("api.moonshot.cn", "kimi"), ("api.z.ai", "glm"), ("open.bigmodel.cn", "glm"),
        ("abc.supabase.co", "supabase"), ("example.com", "http"), ("notz.ai", "http"),
    ],
)  # fmt: skip
def test_the_kind_follows_from_the_host(monitored: Monitored, host: str, kind: str) -> None:
    undo = monitor_httpx()
    transport = httpx.MockTransport(lambda request: httpx.Response(503))
    with httpx.Client(transport=transport) as client:
        client.get(f"https://{host}/")
    undo()
    assert [event.kind for event in monitored().events] == [kind]
