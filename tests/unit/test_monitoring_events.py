"""Whatever an application hands over, what is sent is bounded and of the wire's types."""

from __future__ import annotations

import math
from time import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.books import Books
from monitoring.events import clock_offset, to_event
from monitoring.recorder import RING, Record, Ring, call_site, clock
from monitoring.wire import ATTRIBUTES, KEY_LENGTH, NAME_LENGTH, VALUE_LENGTH, Batch, Event

VALUES = st.one_of(st.text(max_size=400), st.integers(), st.floats(), st.booleans(), st.none(), st.binary(max_size=9))


class Hostile:
    """An attribute that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")


def ring_with(*attributes: Any, name: str = "thing", size: Any = None) -> Ring:
    ring = Ring()
    ring.open(1024, [0, 0])
    site = call_site(name, "host", ring=ring)
    for each in attributes:
        site.keep("ok", None, clock(), size, each)
    return ring


def batches(books: Books, size_bytes: int = 1 << 20) -> list[Batch]:
    made = []
    while (parcel := books.next_parcel(1000, size_bytes, heartbeat=False)) is not None:
        made.append(msgspec.json.decode(parcel[1].payload(parcel[0], 0), type=Batch))
    return made


@given(st.text(max_size=200), st.dictionaries(st.text(max_size=100), VALUES, max_size=20), VALUES)
def test_anything_becomes_an_event_within_bounds_or_a_counted_drop(name: str, attributes: Any, size: Any) -> None:
    books = Books(ring_with(attributes, name=name, size=size))
    (batch,) = batches(books)
    assert len(batch.events) + sum(batch.dropped.values()) == 1
    for event in batch.events:
        assert len(event.name) <= NAME_LENGTH
        assert len(event.attributes or {}) <= ATTRIBUTES
        assert all(len(key) <= KEY_LENGTH for key in event.attributes or {})
        assert all(
            not isinstance(value, str) or len(value) <= VALUE_LENGTH for value in (event.attributes or {}).values()
        )


def test_an_event_that_cannot_be_sent_is_a_counted_drop_and_spares_its_neighbours() -> None:
    books = Books(ring_with({"a": 1}, {"b": "\ud800"}, {"c": Hostile()}, {"d": 2}))
    (batch,) = batches(books)
    assert [event.attributes for event in batch.events] == [{"a": 1}, {"d": 2}]
    assert batch.dropped == {"host": 2}
    books.settle(1)
    assert (books.settled, books.is_settled) == (4, True)


def test_batches_stay_under_the_size_that_the_daemon_takes() -> None:
    books = Books(ring_with(*({"text": "x" * 200} for _ in range(40))))
    made = batches(books, 2000)
    assert sum(len(batch.events) for batch in made) == 40 or len(made) == 16
    assert max(len(msgspec.json.encode(batch.events)) for batch in made) <= 2000
    assert [batch.number for batch in made] == list(range(1, len(made) + 1))


def test_a_spoilt_batch_keeps_its_number_and_its_events_are_counted_as_dropped() -> None:
    books = Books(ring_with({"a": 1}, {"b": 1}))
    number, _ = books.next_parcel(100, 1 << 20, heartbeat=False) or pytest.fail("nothing to send")
    books.spoil_first()
    batch = msgspec.json.decode(books.open[0].payload(number, 2), type=Batch)
    assert (batch.number, batch.events, batch.dropped) == (1, [], {"host": 2})


def test_what_is_on_its_way_out_of_the_ring_is_not_settled() -> None:
    seen: list[bool] = []

    class Watched(Ring):
        def take(self, most: int) -> list[Record]:
            taken = super().take(most)
            seen.append(books.is_settled)
            return taken

    ring = Watched()
    ring.open(1024, [0, 0])
    books = Books(ring)
    call_site("thing", "host", ring=ring).keep("ok")
    assert len(batches(books)) == 1
    books.settle(1)
    assert (seen[0], books.is_settled) == (False, True)


def test_durations_and_ends_are_true_to_the_clock() -> None:
    site = call_site("thing", "host", ring=RING)
    record: Any = (site, "ok", None, 12.5, 12.25, 7, "ab" * 16, None, 10)
    event = to_event(Record(*record), 1000.0)
    assert event == Event(
        at_us=1_012_500_000,
        name="thing",
        kind="host",
        duration_ns=250_000_000,
        size_bytes=7,
        trace_id="ab" * 16,
        weight=10,
    )
    assert math.isclose(clock_offset() + clock(), time(), abs_tol=0.01)
