"""api-1: a WebSocket server whose requests go through everything and come back."""

from __future__ import annotations

import asyncio
import hmac
import http
import json
from contextlib import suppress
from hashlib import sha256
from typing import Any

import httpx
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from daemon.demo import tables
from daemon.demo.surroundings import TOKEN, Surroundings, logger
from monitoring import clock
from monitoring.calls import record_authentication, record_configuration
from monitoring.integrations.websockets import name_request
from monitoring.semaphores import TrackedSemaphore

_PROVIDER_CALLS = 6
_CONFIGURATION_S = 60


class Api:
    """The server's requests: ask a model, or list a conversation one query a message."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.calls = TrackedSemaphore(_PROVIDER_CALLS, "provider calls")
        self._turn = asyncio.Lock()  # one connection to the database, one statement at a time

    async def serve(self) -> None:
        """Serve until cancelled."""
        port = self.around.addresses.websocket_port
        async with serve(self._answer, "127.0.0.1", port, process_request=self._admit):
            while True:
                await asyncio.sleep(_CONFIGURATION_S)
                record_configuration("demo", settings=5)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Authorization") == f"Bearer {TOKEN}":
            return None
        return connection.respond(http.HTTPStatus.UNAUTHORIZED, "send the demo's token\n")

    async def _answer(self, connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for text in connection:
                request = json.loads(text)
                if request["ask"] == "list":
                    name_request(connection, "ws.list_files")
                await connection.send(json.dumps(await self._reply(request)))

    async def _reply(self, request: dict[str, Any]) -> dict[str, object]:
        if not await self._authenticate(request):
            return {"error": "sign in again"}
        if request["ask"] == "list":
            return await self._list(request["conversation"])
        return await self._complete(request["conversation"])

    async def _authenticate(self, request: dict[str, str]) -> bool:
        started = clock()
        expected = sha256(request["user"].encode()).hexdigest()
        await asyncio.sleep(0.001)
        ok = hmac.compare_digest(expected, request["signature"])
        record_authentication(ok, method="signature", reason=None if ok else "wrong_signature", started=started)
        return ok

    async def _complete(self, conversation: int) -> dict[str, object]:
        await self._session(conversation)
        slowly = self.around.weather.slow
        await self._query(tables.CONVERSATION, conversation)
        await self._query(tables.MESSAGES_SLOWLY if slowly else tables.MESSAGES, conversation)
        await self._query(tables.FILES, conversation)
        words = await self._ask(conversation)
        await self._query(tables.INSERT, conversation, words[:200])
        return {"conversation": conversation, "words": words}

    async def _list(self, conversation: int) -> dict[str, object]:
        """One query a row, where one for all would do: the page shows what that costs."""
        await self._session(conversation)
        rows = await self._query(tables.MESSAGES, conversation)
        found = [await self._query(tables.FILES, number + 1) for number, _ in enumerate(rows)]
        return {"conversation": conversation, "rows": len(rows), "files": sum(map(len, found))}

    async def _session(self, conversation: int) -> None:
        cache = self.around.redis
        if cache is not None and await cache.get(f"session:{conversation}") is None:
            await cache.set(f"session:{conversation}", "x" * 300, ex=30)

    async def _query(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        async with self._turn:
            cursor = await self.around.database.execute(statement.encode(), values)
            return await cursor.fetchall() if cursor.description else []

    async def _ask(self, conversation: int) -> str:
        """GLM for every third conversation, and Kimi where it is busy."""
        first = "glm" if conversation % 3 == 0 else "kimi"
        async with self.calls:
            answer = await self._call(first)
            if answer.is_error and first == "glm":
                logger.info("glm is busy, kimi is asked")
                answer = await self._call("kimi")
        return str(answer.json()["choices"][0]["message"]["content"]) if answer.is_success else ""

    async def _call(self, provider: str) -> httpx.Response:
        addresses = self.around.addresses
        base, model = (addresses.glm, "glm-4.6") if provider == "glm" else (addresses.kimi, "kimi-k2")
        body = {"model": model, "messages": [{"role": "user", "content": "what happened?"}]}
        return await self.around.http.post(f"{base}/v1/chat/completions", json=body)
