"""The history's searches find exactly what the filter lets through, and it forgets by age and by size."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon import blocks
from daemon.blocks import OpenBlock
from daemon.books import Book, read_books
from daemon.cells import STEPS_S, Dimension, Pending
from daemon.event_rows import to_rows
from daemon.history_file import open_reader, open_writer
from daemon.history_reader import read_back, read_held, read_on
from daemon.history_writer import load_open_block
from daemon.retention import Bounds, forget, forget_sums, used_bytes
from daemon.rollups import read_series, recount, write_rollups
from daemon.selection import Selection
from daemon.transaction import Transaction
from monitoring.wire import Batch, Event, SourceId

NOW_US = 1_800_000_000_000_000
NAMES = ["db.query", "redis.get", "Straße", "ws.message"]
TRACES = [None, "ab" * 16, "ab" * 8 + "cd" * 8, "0f" * 16]
KINDS, OUTCOMES = ["redis", "supabase", "back\nslash"], ["ok", "error", "cancelled"]
VALUES = ["Issues", "ISSUES table", 'a "quoted" word', "İstanbul", "ﬁne", "100 % sure"]


def event(number: int) -> Event:
    """One of many, in a fixed order that mixes everything."""
    return Event(
        at_us=NOW_US - 1000 + number,
        name=NAMES[number % 4],
        kind=KINDS[number % 7 % 3],
        outcome=OUTCOMES[number % 11 % 3],  # type: ignore[arg-type]
        trace_id=TRACES[number % 5 % 4],
        duration_ns=None if number % 3 else number,
        attributes={"value": VALUES[number % 6], "n": number} if number % 2 else None,
    )


def store(connection: sqlite3.Connection, events: list[Event], now_us: int = NOW_US, max_age_s: int = 86_400) -> None:
    """In batches of 50, from two processes in turn."""
    books: dict[int, Book] = {}
    next_seq, block = 1, OpenBlock(1)
    for number in range(0, len(events), 50):
        connection.execute("BEGIN")
        transaction = Transaction(connection, books, now_us, max_age_s, next_seq, block)
        name = f"api-{number // 50 % 2}"
        source = SourceId(service="api", instance=name, pid=1, started_us=NOW_US - 10**7)
        book = transaction.introduce(source)
        piece = events[number : number + 50]
        transaction.store(book.id, Batch(number=book.acknowledged + 1, recorded=0, events=piece), {}, None)
        transaction.finish()
        connection.execute("COMMIT")
        books.update(transaction.changed)
        next_seq, block = transaction.next_seq, transaction.block


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """1,010 events in blocks of 64, read by a connection that only reads."""
    path = tmp_path_factory.mktemp("history") / "history.sqlite"
    with closing(open_writer(path)) as writer:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(blocks, "BLOCK_EVENTS", 64)
            store(writer, [event(number) for number in range(1010)])
        with closing(open_reader(path)) as connection:
            yield connection


TEXTS = [None, "issues", "strasse", "quoted", '"quoted', "i̇stanbul", "fine", "100 %", "redis", "api-1", "nowhere", "\n"]
SELECTIONS = st.builds(
    Selection,
    kinds=st.none() | st.frozensets(st.sampled_from([*KINDS, "other"]), min_size=1),
    outcomes=st.none() | st.frozensets(st.sampled_from(OUTCOMES), min_size=1),
    sources=st.none() | st.frozensets(st.sampled_from(["api-0", "api-1", "gone"]), min_size=1),
    text=st.sampled_from(TEXTS),
    trace_id=st.sampled_from([*TRACES, "99" * 16]),
    after_us=st.none() | st.integers(NOW_US - 1100, NOW_US + 100),
    before_us=st.none() | st.integers(NOW_US - 1100, NOW_US + 100),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SELECTIONS, st.none() | st.integers(0, 1100), st.integers(1, 300))
def test_a_search_finds_what_the_filter_lets_through(
    reader: sqlite3.Connection, wanted: Selection, below: int | None, limit: int
) -> None:
    everything = [(seq, f"api-{(seq - 1) // 50 % 2}", event(seq - 1)) for seq in range(1, 1011)]
    passing = [seq for seq, source, one in everything if wanted.passes(one, source)]
    older = [seq for seq in passing if below is None or seq < below]
    back = read_back(reader, wanted, below, limit)
    assert [one.seq for one in back.events] == older[::-1][:limit]
    assert (back.reached is None) == (len(older) < limit)
    on = read_on(reader, wanted, below or 0, None, limit)
    assert [one.seq for one in on.events] == [seq for seq in passing if seq >= (below or 0)][:limit]


def test_the_open_block_is_filled_again_after_a_restart(tmp_path: Path) -> None:
    with closing(open_writer(tmp_path / "history.sqlite")) as writer:
        store(writer, [event(number) for number in range(120)])
        again = load_open_block(writer, 121)
    assert (again.first_seq, again.events, again.from_us) == (1, 120, NOW_US - 1000)
    assert again.close().words.count("\nredis.get\n") == 1


def test_the_oldest_is_forgotten_by_age_and_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_EVENTS", 64)
    with closing(open_writer(tmp_path / "history.sqlite")) as writer:
        store(writer, [event(number) for number in range(1010)])
        cut_us = NOW_US - 1000 + 500
        while forget(writer, Bounds(1, 10**9), cut_us + 1_000_000):
            pass
        held = read_held(writer)
        assert (held.oldest, held.latest) == (449, 1010)  # whole blocks of which nothing is younger
        before = used_bytes(writer)
        while forget(writer, Bounds(10**6, before // 2), NOW_US):
            pass
        assert used_bytes(writer) <= max(before // 2, before - 1)
        assert read_held(writer).oldest > 449


def test_a_process_is_forgotten_long_after_its_last_event(tmp_path: Path) -> None:
    day_us = 86_400 * 1_000_000
    with closing(open_writer(tmp_path / "history.sqlite")) as writer:
        store(writer, [event(number) for number in range(100)])
        while forget(writer, Bounds(86_400, 10**9), NOW_US + 3 * day_us):
            pass
        assert forget_sums(writer, Bounds(86_400, 10**9), NOW_US + day_us) == []
        assert forget_sums(writer, Bounds(86_400, 10**9), NOW_US + 3 * day_us) == [1, 2]
        assert sorted(read_books(writer)) == []


def test_rollups_count_the_same_however_often_they_are_written_or_counted_again(tmp_path: Path) -> None:
    events = [event(number) for number in range(400)]
    with closing(open_writer(tmp_path / "history.sqlite")) as writer:
        store(writer, events)
        for after in (0, 250):
            pending = Pending()
            recount(writer, after, pending)
            writer.execute("BEGIN")
            write_rollups(writer, pending, 400)
            writer.execute("COMMIT")
        for step_s in STEPS_S:
            at_s = NOW_US // 1_000_000
            span = (at_s - 2 * step_s, at_s + step_s)
            found: Mapping[str, int] = {}
            for dimension in Dimension:
                summed = list(read_series(writer, dimension, span, step_s, step_s))
                found = {**found, dimension.value: sum(one.cell.operations for one in summed)}
            assert set(found.values()) == {400 + 150}


def test_rows_are_in_the_order_of_the_table(tmp_path: Path) -> None:
    with closing(open_writer(tmp_path / "history.sqlite")) as writer:
        columns = [row[1] for row in writer.execute("PRAGMA table_info(events)")]
        (row,) = to_rows(4, 9, [event(7)])
        assert dict(zip(columns, row, strict=True))["source"] == 4
        assert dict(zip(columns, row, strict=True))["seq"] == 9
