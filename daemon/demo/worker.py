"""worker-1: the users at the other end of the WebSockets, and jobs under a lock."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from hashlib import sha256

import psycopg
from redis.exceptions import LockError, RedisError
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from daemon.demo import tables
from daemon.demo.surroundings import TOKEN, Surroundings
from monitoring import trace
from monitoring.semaphores import TrackedSemaphore

_USERS = 6
_JOB_PERMITS = 3
_JOBS_EVERY_S = 0.25
_LOOKUPS_A_JOB = 8
_CONVERSATIONS = 50


class Worker:
    """Users who ask every second or so, and jobs that run all the time."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.permits = TrackedSemaphore(_JOB_PERMITS, "jobs")
        self._turn = asyncio.Lock()  # one connection to the database, one statement at a time

    async def work(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(_USERS):
                group.create_task(self._use(number), name=f"user-{number}")
            group.create_task(self._intrude(), name="intruder")
            while True:
                group.create_task(self._job(), name="job")
                await asyncio.sleep(_JOBS_EVERY_S)

    async def _use(self, number: int) -> None:
        """One user: signs in, asks a while, leaves, comes back."""
        while True:
            with suppress(OSError, WebSocketException):
                async with self._connection(TOKEN) as connection:
                    for _ in range(self.around.chance.randrange(10, 40)):
                        await connection.send(self._request(number))
                        await connection.recv()
                        await asyncio.sleep(self.around.chance.uniform(0.2, 1.0))
            await asyncio.sleep(self.around.chance.uniform(0.5, 2))

    async def _intrude(self) -> None:
        """Somebody who does not know the token."""
        while True:
            await asyncio.sleep(self.around.chance.uniform(10, 30))
            with suppress(OSError, WebSocketException):
                async with self._connection("wrong"):
                    pass

    def _connection(self, token: str) -> connect:
        url = f"ws://127.0.0.1:{self.around.addresses.websocket_port}"
        return connect(url, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None)

    def _request(self, number: int) -> str:
        chance = self.around.chance
        signed = sha256(f"user-{number}".encode()).hexdigest()
        forged = self.around.weather.failing and chance.random() < 0.3
        return json.dumps(
            {
                "user": f"user-{number}",
                "signature": "forged" if forged else signed,
                "ask": "list" if chance.random() < 0.15 else "model",
                "conversation": chance.randrange(_CONVERSATIONS) + 1,
            }
        )

    async def _job(self) -> None:
        """Under a permit and a lock: look up, call a model now and then, write."""
        with trace():
            async with self.permits:
                conversation = self.around.chance.randrange(_CONVERSATIONS) + 1
                await self._under_lock(conversation)
                with suppress(psycopg.Error):
                    await self._write(conversation)
                if self.around.chance.random() < 0.1:
                    await self._summarize()

    async def _under_lock(self, conversation: int) -> None:
        cache = self.around.redis
        if cache is None:
            return
        with suppress(LockError, RedisError):
            async with cache.lock(f"job:{conversation}", timeout=5, blocking=False):
                for number in range(_LOOKUPS_A_JOB):
                    await cache.get(f"session:{(conversation + number) % _CONVERSATIONS}")
                await cache.incr("jobs")

    async def _write(self, conversation: int) -> None:
        chance, weather = self.around.chance, self.around.weather
        async with self._turn:
            execute = self.around.database.execute
            for _ in range(3):
                await execute(tables.CONVERSATION.encode(), (conversation,))
            if weather.slow:
                await execute(tables.MESSAGES_SLOWLY.encode(), (conversation,))
            if weather.failing and chance.random() < 0.3:
                await execute(tables.INSERT_TWICE.encode(), (conversation,))
            await execute(tables.RENAME.encode(), (f"conversation {conversation}", conversation))
            if chance.random() < 0.02:
                await execute(tables.SWEEP.encode())

    async def _summarize(self) -> None:
        body = {"model": "glm-4.6", "stream": True, "messages": [{"role": "user", "content": "summarize"}]}
        async with self.around.http.stream(
            "POST", f"{self.around.addresses.glm}/v1/chat/completions", json=body
        ) as response:
            async for _ in response.aiter_lines():
                pass
