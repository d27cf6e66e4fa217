"""One request is one trace: over headers, functions, threads and tasks."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.correlation import (
    CarryingExecutor,
    as_trace_id,
    carry,
    current_trace_id,
    new_trace_id,
    read_trace_id,
    trace,
    trace_headers,
    traced,
)

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{ID}-00f067aa0ba902b7-01"


def test_what_is_sent_on_is_what_another_service_reads() -> None:
    with trace() as here:
        headers = trace_headers()
    assert read_trace_id(headers) == here
    assert re.fullmatch(rf"00-{here}-[0-9a-f]{{16}}-01", headers["traceparent"])
    assert trace_headers() == {}


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"traceparent": PARENT}, ID),
        ({"traceparent": f"cc-{ID}-00f067aa0ba902b7-01-what-comes-later"}, ID),
        ({"traceparent": f"00-{ID}-00f067aa0ba902b7-01-extra"}, None),
        ({"traceparent": f"ff-{ID}-00f067aa0ba902b7-01"}, None),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, None),
        ({"traceparent": f"00-{ID}-{'0' * 16}-01"}, None),
        ({"traceparent": f"00-{ID.upper()}-00f067aa0ba902b7-01"}, None),
        ({"X-Correlation-ID": ID}, ID),
        ({"x-correlation-id": "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736"}, ID),
        ({"traceparent": "nonsense", "X-Correlation-ID": ID}, ID),
        ({}, None),
    ],
)
def test_headers_are_read_as_the_standard_says(headers: dict[str, str], found: str | None) -> None:
    assert read_trace_id(headers) == found


@given(st.text(max_size=400))
def test_any_correlation_id_becomes_a_trace_id_always_the_same(text: str) -> None:
    found = as_trace_id(text)
    assert found == as_trace_id(text)
    assert found is None or re.fullmatch("[0-9a-f]{32}", found)


def test_a_decorated_function_runs_in_the_trace_that_is_there_or_a_new_one() -> None:
    @traced
    def here() -> str | None:
        return current_trace_id()

    @traced
    async def later() -> str | None:
        await asyncio.sleep(0)
        return current_trace_id()

    with trace(ID):
        assert (here(), asyncio.run(later())) == (ID, ID)
    first, second = here(), asyncio.run(later())
    assert first is not None
    assert second is not None
    assert first != second
    assert current_trace_id() is None


def test_tasks_and_threads_carry_the_trace() -> None:
    seen: list[str | None] = []

    def look() -> None:
        seen.append(current_trace_id())

    async def spawn() -> None:
        await asyncio.create_task(asyncio.to_thread(look))

    with trace(ID):
        asyncio.run(spawn())
        thread = threading.Thread(target=carry(look))
        with ThreadPoolExecutor(1) as plain, CarryingExecutor(2) as carrying:
            plain.submit(carry(look)).result()
            carrying.submit(look).result()
            list(carrying.map(lambda _: look(), range(2)))
    thread.start()
    thread.join()
    assert seen == [ID] * 6


def test_traces_of_tasks_beside_each_other_stay_apart() -> None:
    @traced
    async def request() -> tuple[str | None, str | None]:
        before = current_trace_id()
        await asyncio.sleep(0)
        return before, current_trace_id()

    async def many() -> list[tuple[str | None, str | None]]:
        return await asyncio.gather(*(request() for _ in range(50)))

    pairs = asyncio.run(many())
    assert all(before == after for before, after in pairs)
    assert len(set(pairs)) == 50


def test_ids_are_32_digits_and_not_the_same() -> None:
    ids = {new_trace_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch("[0-9a-f]{32}", found) for found in ids)
