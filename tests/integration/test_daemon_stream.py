"""The stream: history then live, no gap and no double; a slow page is told what it missed and slows nobody."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.daemons import (
    ANSWERS_S,
    Daemon,
    Sender,
    event,
    messages,
    numbers,
    read_until,
    reading,
    running,
    sending,
    source,
)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(tmp_path_factory.mktemp("daemon")) as started:
        yield started


def latest(daemon: Daemon) -> int:
    """The last number given."""
    return int(daemon.get("api/page")[1]["hello"]["latest"])


def ranges(found: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """What each message looked at, or missed."""
    names = {"events": ("first", "last"), "gap": ("from", "to")}
    return [(message[names[message["type"]][0]], message[names[message["type"]][1]]) for message in found]


def assert_without_hole(found: list[dict[str, Any]]) -> None:
    looked_at = ranges(found)
    assert [last + 1 for _, last in looked_at[:-1]] == [first for first, _ in looked_at[1:]]


def test_history_comes_first_and_then_what_is_new_without_gap_or_double(daemon: Daemon) -> None:
    begun = latest(daemon)
    with sending(daemon) as process:
        process.store(*(event() for _ in range(3000)))
        done = threading.Event()
        feeder = threading.Thread(target=_feed, args=(process, done))
        feeder.start()
        with reading(daemon, begun + 1) as page:
            found = read_until(page, begun + 4000)
        done.set()
        feeder.join()
    assert_without_hole(found)
    assert numbers(found) == list(range(begun + 1, ranges(found)[-1][1] + 1))


def _feed(process: Sender, done: threading.Event) -> None:
    for _ in range(300):
        process.store(*(event() for _ in range(50)))
        if done.is_set():
            return


def test_pages_with_different_filters_get_their_own_share_of_the_same_numbers(daemon: Daemon) -> None:
    begun = latest(daemon)
    filters: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [1, 2, 3, 4]),
        ({"kinds": ["redis"]}, [2, 4]),
        ({"outcomes": ["error"]}, [3, 4]),
        ({"sources": ["nobody"]}, []),
        ({"sources": ["shared"], "text": "TIMEout"}, [3]),
        ({"text": "ab" * 16}, [2]),
    ]
    events = [
        event(),
        event("redis.get", "redis", trace_id="ab" * 16),
        event(outcome="error", error_type="TimeoutError"),
        event("redis.set", "redis", outcome="error", error_type="Nope"),
    ]
    for live in (True, False):
        for wanted, expected in filters:
            with reading(daemon, None if live else begun + 1, **wanted) as page:
                hello = json.loads(page.recv(ANSWERS_S))
                if live:
                    begun = hello["latest"]
                    with sending(daemon, source("shared", 5)) as process:
                        process.store(*events)
                found = read_until(page, begun + 4)
                assert [seq - begun for seq in numbers(found) if seq <= begun + 4] == expected
                assert_without_hole(found)


def test_the_filter_is_changed_on_an_open_connection(daemon: Daemon) -> None:
    with sending(daemon) as process, reading(daemon, None, kinds=["redis"]) as page:
        page.recv(ANSWERS_S)
        changed = {"type": "subscribe", "protocol": 1, "from": None, "filter": {"kinds": ["supabase"]}}
        page.send(json.dumps(changed))
        hellos = 0
        for message in messages(page):
            hellos += message["type"] == "hello"
            if hellos:
                break
        last = latest(daemon)
        process.store(event("redis.get", "redis"), event())
        assert numbers(read_until(page, last + 2)) == [last + 2]


def test_what_the_history_no_longer_has_is_a_gap(tmp_path: Path) -> None:
    with running(tmp_path, HISTORY_MAX_BYTES="4MiB") as daemon, sending(daemon) as process:
        for _ in range(10):
            process.store(*(event(attributes={"user": f"{time.time_ns()}" * 8}) for _ in range(3000)))
        oldest = _wait_for_forgetting(daemon)
        with reading(daemon, 1) as page:
            found = read_until(page, process.number * 3000)
    assert found[0]["type"] == "gap"
    assert (found[0]["from"], found[0]["count"]) == (1, found[0]["to"])
    assert found[0]["to"] >= oldest - 1
    assert "no longer has" in found[0]["reason"]
    assert_without_hole(found)


def _wait_for_forgetting(daemon: Daemon) -> int:
    for _ in range(400):
        oldest = int(daemon.get("api/page")[1]["hello"]["oldest"])
        if oldest > 1:
            return oldest
        time.sleep(0.05)
    raise AssertionError("nothing was forgotten")


@contextmanager
def slow_page(daemon: Daemon) -> Iterator[ClientConnection]:
    """A page whose machine takes little at once, and that reads nothing for now."""
    small = socket.create_connection(("127.0.0.1", int(daemon.stream.rsplit(":", 1)[1].split("/")[0])))
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    with connect(daemon.stream, sock=small, compression=None, max_size=None, max_queue=1) as page:
        page.send(json.dumps({"type": "subscribe", "protocol": 1, "from": None}))
        yield page


def test_a_slow_page_is_told_what_it_missed_and_a_fast_one_beside_it_misses_nothing(daemon: Daemon) -> None:
    long = {"text": "x" * 250, "more": "y" * 250}
    with sending(daemon) as process, reading(daemon) as fast, slow_page(daemon) as slow:
        fast.recv(ANSWERS_S)
        begun = latest(daemon)
        seen: list[dict[str, Any]] = []
        reader = threading.Thread(target=lambda: seen.extend(read_until(fast, begun + 20_000, 30)))
        reader.start()
        for _ in range(20):
            process.store(*(event(attributes=long) for _ in range(1000)))
            time.sleep(0.05)
        reader.join(30)
        assert numbers(seen) == list(range(begun + 1, begun + 20_001))
        found = read_until(slow, begun + 20_000, 30)
    assert_without_hole(found)
    gaps = [message for message in found if message["type"] == "gap"]
    assert gaps
    assert gaps[0]["count"] == gaps[0]["to"] - gaps[0]["from"] + 1
    assert "more slowly" in gaps[0]["reason"]
    assert len(numbers(found)) + sum(gap["count"] for gap in gaps) == 20_000


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ("{", "no subscription"),
        ('{"type":"subscribe","protocol":2}', "this daemon speaks protocol 1"),
        ('{"type":"subscribe","protocol":1,"filter":{"outcomes":["perhaps"]}}', "Invalid enum"),
        ('{"type":"hello"}', "Invalid value"),
        (json.dumps({"type": "subscribe", "protocol": 1, "filter": {"text": "x" * 201}}), "at most 200"),
        (json.dumps({"type": "subscribe", "protocol": 1, "filter": {"text": "x" * 100_000}}), "at most 65,536"),
        (b"\x00", "JSON text"),
    ],
)
def test_what_is_no_subscription_is_refused_by_name(daemon: Daemon, frame: str | bytes, said: str) -> None:
    with connect(daemon.stream) as page:
        page.send(frame)
        assert said in json.loads(page.recv(ANSWERS_S))["reason"]
        with suppress(ConnectionClosed):
            page.recv(ANSWERS_S)
        assert page.close_code == 1008


def test_a_first_message_has_the_panels_and_each_second_the_stats(daemon: Daemon) -> None:
    with sending(daemon) as process, reading(daemon) as page:
        process.store(event(kind="stats", duration_ns=5_000_000, weight=10), event(kind="stats", weight=10))
        wanted = {"hello", "sources", "semaphores", "calls", "health", "stats"}
        for message in messages(page):
            wanted.discard(message["type"])
            kinds = {one["kind"]: one for one in message.get("kinds", [])}
            measured = kinds.get("stats", {"operations_per_s": None})
            if not wanted and measured["operations_per_s"]:
                break
    assert (measured["operations_per_s"], measured["sampled"], measured["state"]) == (2.0, True, "active")
    assert abs(measured["p50_ns"] - 5_000_000) <= 50_000


def test_a_page_of_another_site_is_refused(daemon: Daemon) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(daemon.stream, origin=Origin("https://elsewhere.example")):
        pass
    assert refused.value.response.status_code == 403
