"""Panels made from events: calls per request, and who holds which semaphore."""

from __future__ import annotations

from daemon.calls import CallBook
from daemon.parts import StoredRun
from daemon.semaphores import SemaphoreBook
from monitoring.wire import Direction, Event, Value

NOW_US = 1_800_000_000_000_000
MS = 1_000_000


def run_of(*events: Event, label: str = "api-1") -> StoredRun:
    return StoredRun(label, 1, list(events), [])


def call(trace: int, ago_ms: int, name: str = "db.query", weight: int = 1) -> Event:
    return _event(name, trace, ago_ms, "out", None, weight)


def request(trace: int, ago_ms: int, took_ms: int, name: str = "ws.list") -> Event:
    return _event(name, trace, ago_ms, "in", took_ms * MS, 1)


def _event(name: str, trace: int, ago_ms: int, direction: Direction, duration_ns: int | None, weight: int) -> Event:
    return Event(at_us=NOW_US - ago_ms * 1000, name=name, kind="supabase", direction=direction, duration_ns=duration_ns,
                 trace_id=f"{trace:032x}", weight=weight)  # fmt: skip


def test_one_request_that_became_fifty_calls_is_shown_beside_the_usual_number() -> None:
    book = CallBook(lambda: NOW_US)
    for trace in range(1, 6):
        book.hear(run_of(call(trace, 90), call(trace, 80, "redis.get"), request(trace, 70, 50)))
    book.hear(run_of(*(call(9, 60) for _ in range(50)), request(9, 50, 20)))
    (shown,) = book.message().requests
    assert (shown.name, shown.calls, shown.usual, shown.trace_id) == ("ws.list", 50, 2, f"{9:032x}")
    assert "supabase db.query 50 times" in shown.sentence


def test_calls_count_by_their_weight_within_their_request_and_process_alone() -> None:
    book = CallBook(lambda: NOW_US)
    book.hear(run_of(call(1, 500), call(1, 80, weight=5)))
    book.hear(run_of(call(1, 85), label="worker-1"))
    book.hear(run_of(request(1, 70, 50), request(1, 70, 0, "auth.check")))
    assert [(shown.name, shown.calls) for shown in book.message().requests] == [("ws.list", 5)]


def test_what_happened_long_ago_is_not_shown() -> None:
    book = CallBook(lambda: NOW_US)
    book.hear(run_of(call(1, 400_001), request(1, 400_000, 50)))
    assert book.message().requests == []


def semaphore(what: str, holder: str, in_use: int, **facts: Value) -> Event:
    attributes: dict[str, Value] = {"semaphore.name": "pool", "semaphore.permits": 2, "semaphore.in_use": in_use,
                                    "semaphore.holder": holder, **facts}  # fmt: skip
    return Event(at_us=NOW_US - 5_000_000, name=f"semaphore.{what}", kind="semaphore", attributes=attributes)


def test_a_semaphore_shows_who_holds_it_and_busy_is_no_leak() -> None:
    book = SemaphoreBook()
    book.hear(run_of(semaphore("acquire", "a", 1), semaphore("acquire", "b", 2)))
    (shown,) = book.message(["api-1"], NOW_US).semaphores
    assert (shown.state, shown.holders, shown.in_use, shown.longest_held_ns) == ("busy", ["a", "b"], 2, 5_000_000_000)
    book.hear(run_of(semaphore("release", "a", 1), semaphore("over_release", "c", 1)))
    (shown,) = book.message(["api-1"], NOW_US).semaphores
    assert (shown.state, shown.holders, shown.over_releases) == ("free", ["b"], 1)
    book.hear(run_of(semaphore("leak", "b", 1, **{"semaphore.leaked": 1})))
    assert book.message(["api-1"], NOW_US).semaphores[0].state == "leaking"


def test_what_a_process_that_is_gone_holds_is_unknown_and_forgotten_with_the_next() -> None:
    book = SemaphoreBook()
    book.hear(run_of(semaphore("acquire", "a", 1)))
    (shown,) = book.message([], NOW_US).semaphores
    assert (shown.state, shown.in_use, shown.longest_held_ns) == ("unknown", None, None)
    book.forget("api-1")
    assert book.message(["api-1"], NOW_US).semaphores == []
