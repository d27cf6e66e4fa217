"""A tracked semaphore limits as asyncio's does, and says who holds, who waits, and what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from monitoring.recorder import RING, Record
from monitoring.semaphores import TrackedSemaphore


@pytest.fixture
def ring() -> Iterator[None]:
    """The process's ring, open, with nobody to send what is in it."""
    RING.open(1024, [0, 0])
    yield
    RING.close()


def names(records: list[Record]) -> list[str]:
    return [record[0].name for record in records]


def state(record: Record) -> dict[str, Any]:
    return dict(record[7] or {})


@pytest.mark.usefixtures("ring")
def test_it_limits_and_says_who_holds_and_who_waits() -> None:
    async def run() -> tuple[int, int, list[str]]:
        semaphore = TrackedSemaphore(2, "calls")
        done = asyncio.Event()
        most = 0

        async def work() -> None:
            nonlocal most
            async with semaphore:
                most = max(most, semaphore.in_use)
                await done.wait()

        tasks = [asyncio.create_task(work(), name=f"work-{number}") for number in range(5)]
        await asyncio.sleep(0.01)
        waiting, holders = semaphore.waiting, [hold.holder for hold in semaphore.holds]
        done.set()
        await asyncio.gather(*tasks)
        assert (semaphore.in_use, semaphore.leaked, semaphore.over_releases) == (0, 0, 0)
        return most, waiting, holders

    assert asyncio.run(run()) == (2, 3, ["work-0", "work-1"])
    records = RING.take(100)
    assert sorted(names(records)) == ["semaphore.acquire"] * 5 + ["semaphore.release"] * 5
    held = [record[3] - record[4] for record in records if record[0].name == "semaphore.release" and record[4]]
    assert min(held[:2]) >= 0.01 > 0


@pytest.mark.usefixtures("ring")
def test_an_over_release_is_reported_and_the_limit_stays() -> None:
    async def run() -> TrackedSemaphore:
        semaphore = TrackedSemaphore(1, "calls")
        semaphore.release()
        await semaphore.acquire()
        assert semaphore.locked()
        return semaphore

    assert asyncio.run(run()).over_releases == 1
    first = RING.take(100)[0]
    assert (first[0].name, first[1], first[2]) == ("semaphore.over_release", "error", "over_release")


@pytest.mark.usefixtures("ring")
def test_a_task_that_ends_with_a_permit_is_a_leak_and_a_busy_one_is_not() -> None:
    async def run() -> tuple[int, int]:
        semaphore = TrackedSemaphore(2, "calls")

        async def take() -> None:
            await semaphore.acquire()

        await semaphore.acquire()
        busy = semaphore.leaked
        await asyncio.create_task(take(), name="forgetful")
        await asyncio.sleep(0)
        return busy, semaphore.leaked

    assert asyncio.run(run()) == (0, 1)
    leak = next(record for record in RING.take(100) if record[0].name == "semaphore.leak")
    assert (leak[1], state(leak)["semaphore.holder"], state(leak)["semaphore.leaked"]) == ("error", "forgetful", 1)


@pytest.mark.usefixtures("ring")
def test_giving_up_the_wait_is_cancelled_and_nobody_waits_any_more() -> None:
    async def run() -> int:
        semaphore = TrackedSemaphore(1, "calls")
        await semaphore.acquire()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(semaphore.acquire(), 0.01)
        return semaphore.waiting

    assert asyncio.run(run()) == 0
    assert [(record[0].name, record[1]) for record in RING.take(100)] == [
        ("semaphore.acquire", "ok"),
        ("semaphore.acquire", "cancelled"),
        ("semaphore.leak", "error"),  # the task of `run` ended and still held one
    ]
