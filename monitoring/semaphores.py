"""A semaphore that says who holds its permits, for how long, and who waits; busy is no leak."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from types import TracebackType

from monitoring.recorder import CallSite, call_site, clock
from monitoring.wire import Value

logger = logging.getLogger("monitoring")


@dataclass(slots=True, eq=False)
class Hold:
    """One permit held: by which task, since when (by the recorder's clock)."""

    holder: str
    since: float
    task: asyncio.Task[object] | None = field(repr=False)

    @property
    def leaked(self) -> bool:
        """Whether the task that took it has ended without giving it back."""
        return self.task is not None and self.task.done()


class TrackedSemaphore:
    """In place of `asyncio.Semaphore`; a release that nobody holds a permit for is reported and changes nothing."""

    def __init__(self, permits: int, name: str) -> None:
        """`permits` may be held at once; `name` is the semaphore's on the page."""
        self.name = name
        self.permits = permits
        self.over_releases = 0
        self.waiting = 0
        self._semaphore = asyncio.Semaphore(permits)
        self._holds: OrderedDict[int, Hold] = OrderedDict()
        self._acquired = self._site("acquire")
        self._released = self._site("release")
        self._over_released = self._site("over_release")
        self._leaked = self._site("leak")

    @property
    def holds(self) -> list[Hold]:
        """The permits held, the oldest first."""
        return list(self._holds.values())

    @property
    def in_use(self) -> int:
        """How many permits are held."""
        return len(self._holds)

    @property
    def leaked(self) -> int:
        """How many permits are held by tasks that have ended."""
        return sum(hold.leaked for hold in self._holds.values())

    def locked(self) -> bool:
        """Whether the next `acquire` has to wait."""
        return self._semaphore.locked()

    async def acquire(self) -> bool:
        """Take a permit, when there is one."""
        started = clock()
        self.waiting += 1
        try:
            await self._semaphore.acquire()
        except BaseException as error:
            self.waiting -= 1
            self._acquired.failed(started, error, self._state(_here()))
            raise
        self.waiting -= 1
        hold = Hold(_here(), clock(), _task())
        self._holds[id(hold)] = hold
        if hold.task is not None:
            hold.task.add_done_callback(lambda _: self._report_leak(hold))
        self._acquired.done(started, None, self._state(hold.holder))
        return True

    def release(self) -> None:
        """Give a permit back: the one that this task took, else the oldest."""
        hold = self._mine() or next(iter(self._holds.values()), None)
        if hold is None:
            self.over_releases += 1
            logger.warning("semaphore %s was released with no permit held; its limit stays %d", self.name, self.permits)
            self._over_released.failed(None, "over_release", self._state(_here()))
            return
        del self._holds[id(hold)]
        self._semaphore.release()
        self._released.done(hold.since, None, self._state(hold.holder))

    async def __aenter__(self) -> None:
        """Hold a permit within."""
        await self.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give it back."""
        self.release()

    def _mine(self) -> Hold | None:
        task = _task()
        return next((hold for hold in reversed(self._holds.values()) if hold.task is task), None)

    def _report_leak(self, hold: Hold) -> None:
        if id(hold) in self._holds:
            self._leaked.failed(hold.since, "leak", self._state(hold.holder))

    def _state(self, holder: str) -> dict[str, Value]:
        return {
            "semaphore.holder": holder,
            "semaphore.in_use": self.in_use,
            "semaphore.waiting": self.waiting,
            "semaphore.leaked": self.leaked,
        }

    def _site(self, what: str) -> CallSite:
        attributes: dict[str, Value] = {"semaphore.name": self.name, "semaphore.permits": self.permits}
        return call_site(f"semaphore.{what}", "semaphore", attributes=attributes)


def _task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _here() -> str:
    task = _task()
    return task.get_name() if task is not None else "no task"
