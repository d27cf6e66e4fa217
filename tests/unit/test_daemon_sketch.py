"""Percentiles from sketches lie within one per cent of the exact ones, however the values were spread over sketches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.cells import Cells, count_events, pack, unpack
from daemon.sketch import ACCURACY, Buckets, bucket_of, merge, middle_of, quantiles
from monitoring.wire import Event

DURATIONS = st.integers(0, 10**15)


@given(DURATIONS)
def test_the_middle_of_a_bucket_is_within_the_accuracy(value: int) -> None:
    assert abs(middle_of(bucket_of(value)) - value) <= ACCURACY * value + 1


@given(st.lists(st.lists(DURATIONS), min_size=1, max_size=5), st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_quantiles_of_merged_sketches_are_those_of_all_values(parts: list[list[int]], share: float) -> None:
    merged: Buckets = {}
    for part in parts:
        sketch: Buckets = {}
        for value in part:
            merge(sketch, {bucket_of(value): 1})
        merge(merged, unpack(pack(sketch)))
    values = sorted(value for part in parts for value in part)
    (found,) = quantiles(merged, (share,))
    if not values:
        assert found is None
        return
    place = share * (len(values) - 1)
    exact = values[int(place) if place == int(place) else int(place) + 1]
    assert found is not None
    assert abs(found - exact) <= ACCURACY * exact + 1


def test_an_average_never_counts_events_that_carry_no_duration_or_size() -> None:
    cells: Cells = {}
    events = [
        Event(at_us=1, name="n", kind="k", duration_ns=10, weight=3),
        Event(at_us=2, name="n", kind="k", weight=5),
    ]
    count_events("s", events, cells)
    (cell,) = cells.values()
    assert (cell.operations, sum(cell.buckets.values()), cell.sized) == (8, 3, 0)
    assert cell.percentiles()[0] == middle_of(bucket_of(10))


def test_how_long_a_connection_was_open_is_no_latency() -> None:
    cells: Cells = {}
    count_events("s", [Event(at_us=1, name="ws.close", kind="k", duration_ns=10**12)], cells)
    assert [cell.percentiles() for cell in cells.values()] == [(None, None, None)]
