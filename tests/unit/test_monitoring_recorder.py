"""Call sites record without bias, from many threads at once, and lose nothing uncounted."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from collections import Counter

import pytest

from monitoring.recorder import CallSite, Record, Ring, SilentSite, call_site, clock
from monitoring.settings import Rule, Settings, read_settings

LONG_AGO = -1000.0  # a beginning that makes any operation slow


@pytest.fixture
def ring() -> Ring:
    """A ring with room for a few thousand records."""
    ring = Ring()
    ring.open(4096, [0, 0])
    return ring


def site(ring: Ring, every: int, kind: str = "redis") -> CallSite:
    return call_site("thing.done", kind, "out", Rule.LOOKUP, every=every, ring=ring, settings=Settings())


@pytest.mark.parametrize("every", [1, 2, 5, 10])
def test_weights_add_up_to_what_happened(ring: Ring, every: int) -> None:
    here = site(ring, every)
    for _ in range(3003):
        here.done(clock())
    records = ring.take(5000)
    assert abs(sum(record[8] for record in records) - 3003) < every
    assert {record[8] for record in records} == {every}


def test_errors_and_slow_operations_are_all_recorded_and_leave_the_sample_as_it_was(ring: Ring) -> None:
    here = site(ring, 10)
    drawn = random.Random(7)
    happened: Counter[str] = Counter()
    for _ in range(5000):
        match drawn.randrange(20):
            case 0:
                happened["error"] += 1
                here.failed(clock(), ValueError())
            case 1:
                happened["slow"] += 1
                here.done(clock() + LONG_AGO)
            case _:
                happened["fast"] += 1
                here.done(clock())
    records = ring.take(5000)
    errors = [record for record in records if record[1] == "error"]
    slow = [record for record in records if record[1] == "ok" and record[8] == 1]
    fast = [record for record in records if record[8] == 10]
    assert (len(errors), len(slow)) == (happened["error"], happened["slow"])
    assert abs(10 * len(fast) - happened["fast"]) < 10
    assert {record[2] for record in errors} == {"ValueError"}


def test_no_rhythm_of_the_application_hides_from_the_sample(ring: Ring) -> None:
    here = site(ring, 10)
    for number in range(20_000):
        here.done(clock(), number % 2)  # every second operation is large: in step with 1 in 10
    large = sum(record[5] or 0 for record in ring.take(5000)) * 10
    assert 9_200 < large < 10_800  # 1,024 drawn positions, half of them even: five deviations


def test_the_first_sample_is_no_more_likely_than_another() -> None:
    recorded = 0
    for _ in range(2000):
        ring = Ring()
        ring.open(16, [0, 0])
        here = site(ring, 10)
        here.done(clock())
        recorded += ring.head
    assert 130 < recorded < 270  # 200 expected; five standard deviations


def test_what_does_not_fit_is_counted_by_kind_and_the_oldest_stays(ring: Ring) -> None:
    redis, database = site(ring, 1, "redis"), site(ring, 1, "supabase")
    for _ in range(4000):
        redis.done(clock())
    for _ in range(1000):
        database.done(clock())
    assert (ring.head, ring.drops, ring.dropped) == (4096, 904, {"redis": 0, "supabase": 904})
    assert list(ring.counts) == [4096, 904]
    assert Counter(record[0].kind for record in ring.take(5000)) == {"redis": 4000, "supabase": 96}


def test_the_ring_is_taken_in_order_around_its_end(ring: Ring) -> None:
    here = site(ring, 1)
    taken: list[int | None] = []
    for number in range(10_000):
        here.done(clock(), number)
        if number % 700 == 0:
            taken += [record[5] for record in ring.take(650)]
    while records := ring.take(1000):
        taken += [record[5] for record in records]
    assert taken == list(range(10_000))
    assert all(slot is None for slot in ring.slots)


def test_threads_that_change_at_every_turn_lose_no_count(ring: Ring) -> None:
    always, sometimes = site(ring, 1, "a"), site(ring, 7, "b")
    threads, each = 6, 4000
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        taken = _run_threads(ring, always, sometimes, threads, each)
    finally:
        sys.setswitchinterval(before)
    kinds = Counter(record[0].kind for record in taken)
    total = threads * each
    assert sum(ring.counts) == len(taken) + sum(ring.dropped.values())
    assert kinds["a"] + ring.dropped["a"] == total
    assert abs(7 * (kinds["b"] + ring.dropped["b"]) - total) < 7


def _run_threads(ring: Ring, always: CallSite, sometimes: CallSite, threads: int, each: int) -> list[Record]:
    def work() -> None:
        for _ in range(each):
            always.done(clock())
            sometimes.done(clock())

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    taken: list[Record] = []
    while any(worker.is_alive() for worker in workers) or ring.head != ring.tail:
        taken += ring.take(100)
    return taken


def test_a_closed_ring_takes_nothing_and_counts_nothing() -> None:
    ring = Ring()
    here = site(ring, 1)
    here.done(clock())
    here.failed(clock(), ValueError())
    assert (ring.head, ring.drops, ring.take(10)) == (0, 0, [])


def test_where_monitoring_is_off_a_call_site_does_nothing(ring: Ring) -> None:
    off = read_settings({"MONITORING_ENABLED": "false"})
    here = call_site("thing.done", "redis", ring=ring, settings=off)
    here.done(clock())
    here.failed(clock(), ValueError())
    here.note()
    with here.measured():
        pass
    assert isinstance(here, SilentSite)
    assert here(len) is len
    assert (ring.head, ring.drops) == (0, 0)


def test_a_decorated_function_is_one_operation_a_call(ring: Ring) -> None:
    here = site(ring, 1)

    @here
    def halve(number: int) -> float:
        return 1 / number

    @here
    async def halve_later(number: int) -> float:
        await asyncio.sleep(0)
        return 1 / number

    assert (halve(2), asyncio.run(halve_later(4))) == (0.5, 0.25)
    with pytest.raises(ZeroDivisionError):
        halve(0)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(halve_later(0))
    outcomes = [(record[1], record[2]) for record in ring.take(10)]
    assert outcomes == [("ok", None), ("ok", None), ("error", "ZeroDivisionError"), ("error", "ZeroDivisionError")]


def test_a_cancelled_operation_is_neither_error_nor_success(ring: Ring) -> None:
    here = site(ring, 1)

    async def wait() -> None:
        with here.measured():
            await asyncio.sleep(10)

    async def cancel() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancel())
    assert [(record[1], record[2]) for record in ring.take(10)] == [("cancelled", "CancelledError")]


def test_a_mistaken_setting_is_named_and_its_default_used(caplog: pytest.LogCaptureFixture) -> None:
    read = read_settings({"MONITORING_READ_EVERY": "often", "MONITORING_ENABLED": "maybe", "WS_PORT": "9000"})
    assert (read.read_every, read.enabled, read.ingest_url) == (5, True, "ws://127.0.0.1:9000/ingest")
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "MONITORING_ENABLED=maybe",
        "MONITORING_READ_EVERY=often",
    ]


@pytest.mark.parametrize(("rule", "every"), [(Rule.ALL, 1), (Rule.READ, 5), (Rule.MESSAGE, 10), (Rule.LOOKUP, 10)])
def test_the_rules_have_the_rates_of_the_table(rule: Rule, every: int) -> None:
    assert Settings().rate(rule).every == every
