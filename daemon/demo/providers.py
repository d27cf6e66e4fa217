"""Two model providers of our own, with OpenAI-style answers: kimi and glm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random

from aiohttp import web

from daemon.demo.spells import Weather

_SLOWER = 5


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: how long it thinks, and how it is when the weather is bad."""

    name: str
    model: str
    seconds: float
    limits: bool  # whether it answers 429 in a failing spell
    weather: Weather
    chance: Random

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions."""
        asked = await request.json()
        if self.limits and self.weather.failing and self.chance.random() < 0.6:
            await asyncio.sleep(0.03)
            return web.json_response({"error": {"code": "rate_limited", "message": "too many requests"}}, status=429)
        await asyncio.sleep(self._thinking())
        tokens_in, tokens_out = self.chance.randrange(200, 1600), self.chance.randrange(40, 400)
        answer: dict[str, object] = {
            "id": "demo", "object": "chat.completion", "model": self.model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * tokens_out}}],
            "usage": {"prompt_tokens": tokens_in, "completion_tokens": tokens_out},
        }  # fmt: skip
        return await self._streamed(request, answer) if asked.get("stream") else web.json_response(answer)

    def _thinking(self) -> float:
        slower = _SLOWER if self.weather.slow else 1
        return self.seconds * self.chance.lognormvariate(0, 0.35) * slower

    async def _streamed(self, request: web.Request, answer: dict[str, object]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(5):
            await response.write(b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n')
            await asyncio.sleep(0.02)
        last = web.json_response({**answer, "choices": []}).body
        assert isinstance(last, bytes)
        await response.write(b"data: " + last + b"\n\ndata: [DONE]\n\n")
        return response


@asynccontextmanager
async def serving(weather: Weather) -> AsyncIterator[dict[str, str]]:
    """Both providers' base URLs by name, for as long as they are served, on free ports of this machine."""
    providers = [
        Provider("kimi", "kimi-k2-0905", 0.35, False, weather, Random(1)),
        Provider("glm", "glm-4.6", 0.2, True, weather, Random(2)),
    ]
    async with AsyncExitStack() as stack:
        yield {provider.name: await _serve(provider, stack) for provider in providers}


async def _serve(provider: Provider, stack: AsyncExitStack) -> str:
    application = web.Application()
    application.router.add_post("/v1/chat/completions", provider.complete)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"
