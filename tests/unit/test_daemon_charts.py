"""Stretches of measured time: joined where they touch, and what lies between them is missing."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.books import Book, KindBook, close_book, covered_until, kinds_after, label_for
from daemon.charts import gaps, joined, length_of_step
from daemon.live import Live
from daemon.sources import sources_message
from monitoring.wire import Event, SourceId

SECOND = 1_000_000
NOW_US = 1_800_000_000 * SECOND
STRETCHES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 50)).map(lambda pair: (pair[0], pair[0] + pair[1])))


def book(number: int, service: str = "api", instance: str = "api-1", **fields: object) -> Book:
    source = SourceId(service=service, instance=instance, pid=number, started_us=NOW_US - 60 * SECOND)
    return replace(Book(number, source, instance), **fields)  # type: ignore[arg-type]


@given(STRETCHES)
def test_joined_stretches_cover_the_same_time_in_order(stretches: list[tuple[int, int]]) -> None:
    scaled = [(begin * SECOND, end * SECOND) for begin, end in stretches]
    found = joined(scaled)
    assert all(before[1] + SECOND < after[0] for before, after in pairwise(found))
    assert all(any(begin <= one[0] and one[1] <= end for begin, end in found) for one in scaled)


def test_gaps_are_what_no_stretch_covers() -> None:
    stretches = [(10 * SECOND, 20 * SECOND), (40 * SECOND, 90 * SECOND)]
    span = (0, 100 * SECOND)
    assert gaps(stretches, span) == [(0, 10 * SECOND), (20 * SECOND, 40 * SECOND), (90 * SECOND, 100 * SECOND)]
    assert gaps([], span) == [span]
    assert gaps([span], span) == []


@pytest.mark.parametrize(
    ("step_s", "begun_before_s", "length"),
    [(1, 4, 1), (1, 3, None), (10, 13, 10), (10, 12, None), (3600, 3603, 3600), (3600, 1801, 1800), (3600, 20, None)],
)
def test_a_step_counts_as_long_as_it_was_counted(step_s: int, begun_before_s: int, length: int | None) -> None:
    assert length_of_step(step_s, 1000 - begun_before_s, 1000) == length


def test_a_process_is_measured_from_its_start_and_on_through_outages_of_the_daemon_unless_it_dropped() -> None:
    first = covered_until(book(1), NOW_US, unbroken=True)
    assert first == (NOW_US - 60 * SECOND, NOW_US)
    later = replace(book(1), covered=first)
    assert covered_until(later, NOW_US + 30 * SECOND, unbroken=True) == (first[0], NOW_US + 30 * SECOND)
    assert covered_until(later, NOW_US + 30 * SECOND, unbroken=False)[0] == NOW_US + 1


def test_idle_is_said_only_where_somebody_who_would_know_is_connected() -> None:
    live = Live(lambda: NOW_US)
    kinds = {"redis": KindBook(last_us=NOW_US - 60 * SECOND, opened=3, closed=1)}
    known = {1: book(1, kinds=kinds, covered=(0, NOW_US)), 2: book(2, instance="other")}
    connected = live.stats(known, [1]).kinds[0]
    assert (connected.state, connected.operations_per_s, connected.active) == ("idle", 0.0, 2)
    alone = live.stats(known, [2]).kinds[0]
    assert (alone.state, alone.operations_per_s, alone.active) == ("unknown", None, None)
    assert alone.reason == "api-1 is not connected"
    assert live.stats(known, [2]).point == []
    assert live.stats({}, []).total.state == "unknown"


def test_the_books_of_the_dead_close_once_and_forever() -> None:
    closed = close_book(book(1, recorded=5, stored=3, dropped=1), 9)
    assert (closed.recorded, closed.lost, closed.ended) == (9, 5, True)
    assert close_book(closed, 9) == closed
    assert closed.recorded == closed.stored + closed.all_drops


def test_connections_are_counted_by_how_names_end() -> None:
    events = [
        Event(at_us=NOW_US, name=name, kind="pool") for name in ("mine.open", "mine.open", "mine.close", "opener")
    ]
    assert kinds_after(book(1), events)["pool"] == KindBook(2, 1, NOW_US)


def test_labels_tell_services_apart() -> None:
    source = SourceId(service="worker", instance="api-1", pid=5, started_us=1)
    assert label_for(source, [book(1)]) == "worker/api-1"
    assert label_for(source, []) == "api-1"


def test_expected_sources_that_never_came_are_listed_as_silent() -> None:
    message = sources_message({1: book(1, last_us=NOW_US)}, [1], ["api", "worker"], NOW_US)
    assert [(one.label, one.state, one.expected) for one in message.sources] == [
        ("worker", "silent", True),
        ("api-1", "sending", True),
    ]
