"""A thread of one's own for what may hang: a network disk, for example."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class OwnThread:
    """Begun at once, and used by one probe.

    Not a pool of concurrent.futures: handing work to any of those waits for one lock of the whole process, which a
    frozen main thread may hold.
    """

    def __init__(self, name: str) -> None:
        self._asked: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    async def run(self, function: Callable[[], T]) -> T:
        """What the function returns or raises; if nobody waits any more when its turn comes, it is left out."""
        future: Future[T] = Future()

        def work() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except Exception as error:  # noqa: BLE001 - whoever waits is told
                    future.set_exception(error)

        self._asked.put(work)
        return await asyncio.wrap_future(future)

    def _work(self) -> None:
        while True:
            self._asked.get()()
