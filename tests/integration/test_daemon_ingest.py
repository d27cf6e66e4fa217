"""Ingest: what is acknowledged is stored once, books always agree, and bad input gets a clear answer."""

from __future__ import annotations

import json
import resource
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.daemons import (
    ANSWERS_S,
    Daemon,
    event,
    fetch,
    messages,
    now_us,
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


def books(daemon: Daemon, who: dict[str, object]) -> dict[str, Any]:
    """Of one process, as the page shows them."""
    listed = daemon.get("api/sources")[1]["sources"]
    return next(one for one in listed if one["started_us"] == who["started_us"] and one["pid"] == who["pid"])


def refusal(daemon: Daemon, *frames: str | bytes) -> tuple[str, int]:
    """What is said to a process that sends these, and the code its connection is closed with."""
    answers = []
    with connect(daemon.ingest, max_size=None, compression=None) as socket:
        with suppress(ConnectionClosed):
            for frame in frames:
                socket.send(frame)
            while True:
                answers.append(json.loads(socket.recv(ANSWERS_S)))
        assert socket.close_code is not None
        return next((answer["reason"] for answer in answers if answer["type"] == "refused"), ""), socket.close_code


def hello(**changes: object) -> str:
    return json.dumps({"type": "hello", "protocol": 1, "source": source("bad", 99), **changes})


def batch(**changes: object) -> str:
    return json.dumps({"type": "batch", "number": 1, "recorded": 1, "events": [event()], **changes})


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (["{"], "not JSON"),
        (["[]"], "protocol 1"),
        (['{"type":"hello"}'], "protocol"),
        (["[" * 50_000], "protocol 1"),
        ([b"\xff\xfe"], "not JSON"),
        ([hello(protocol=2)], "this daemon speaks protocol 1"),
        ([batch()], "first message is hello"),
        ([hello(), hello()], "hello was said already"),
        ([hello(), batch(number=0)], "begins at 1"),
        ([hello(), batch(number=3)], "send 1 first"),
        ([hello(), batch(number="1")], "Expected `int`"),
        ([hello(), batch(recorded=-1)], "begins at"),
        ([hello(), batch(dropped={"redis": -1})], "none is negative"),
        ([hello(), batch(number=1).replace('"recorded": 1', '"recorded": NaN')], "not JSON"),
        (
            [hello(), json.dumps({"type": "batch", "number": 1, "recorded": 6000, "events": [event()] * 5001})],
            "at most",
        ),
    ],
)
def test_a_frame_that_is_not_in_the_protocol_is_refused_by_name(
    daemon: Daemon, frames: list[str | bytes], said: str
) -> None:
    reason, code = refusal(daemon, *frames)
    assert said in reason
    assert code == 1008


def test_a_message_that_is_too_large_ends_its_connection_and_disturbs_nobody(daemon: Daemon) -> None:
    with sending(daemon) as neighbour:
        reason, code = refusal(daemon, hello(), "x" * 10_000_000)
        assert "at most 4,194,304" in reason
        assert code == 1009
        assert refusal(daemon, hello(), "x" * 40_000_000)[1] in (1006, 1009)  # cut off while it is still sent
        assert neighbour.store(event())["type"] == "ack"


WRONG_EVENTS: list[tuple[dict[str, object], str]] = [
    ({"at_us": now_us() + 10**12}, "in the future"),
    ({"at_us": 1}, "before anything the history keeps"),
    ({"at_us": -5}, "before anything"),
    ({"at_us": "now"}, "Expected `int`"),
    ({"name": ""}, "a name and a kind"),
    ({"weight": 0}, "1 operation or more"),
    ({"duration_ns": -1}, "is no duration"),
    ({"duration_ns": 1.5}, "Expected `int"),
    ({"size_bytes": 2**60}, "is no size"),
    ({"outcome": "perhaps"}, "Invalid enum value"),
    ({"trace_id": "xyz"}, "32 lower-case"),
    ({"trace_id": "0" * 32}, "32 lower-case"),
    ({"attributes": {"a": [1]}}, "Expected"),
]


@pytest.mark.parametrize(("change", "said"), WRONG_EVENTS)
def test_a_wrong_event_is_refused_alone_and_counted(daemon: Daemon, change: dict[str, object], said: str) -> None:
    who = source("wrong", 5)
    with sending(daemon, who) as process:
        answer = process.store({**event(), **change}, event())
        assert answer["refused"] == 1
        assert said in answer["reason"]
    shown = books(daemon, who)
    assert (shown["recorded"], shown["stored"], shown["dropped"]) == (2, 1, 1)


def test_what_is_too_long_is_cut_and_unknown_fields_are_ignored(daemon: Daemon) -> None:
    huge = {f"k{number}" * 50: "v" * 5000 for number in range(40)}
    with sending(daemon) as process, reading(daemon, kinds=["k" * 40]) as page:
        page.recv()
        answer = process.store({**event("n" * 500, "k" * 500, attributes=huge, flavour="new")})
        assert (answer["type"], answer["cut"]) == ("ack", 2)
        seen = next(found for message in messages(page) for found in message.get("events", []))
    assert (len(seen["name"]), len(seen["kind"])) == (80, 40)
    assert len(seen["attributes"]) <= 16
    assert {len(value) for value in seen["attributes"].values()} == {256}
    assert "flavour" not in seen


def test_a_batch_sent_again_is_acknowledged_and_stored_once(daemon: Daemon) -> None:
    who = source("again", 3)
    with sending(daemon, who) as process:
        process.store(event(), event())
        process.number, process.recorded = 0, 0
        assert process.store(event(), event())["number"] == 1
    with sending(daemon, who, recorded=2) as process:
        assert process.number == 1
        process.store(event())
    assert (books(daemon, who)["recorded"], books(daemon, who)["stored"]) == (3, 3)


def test_drops_that_a_process_tells_of_are_counted(daemon: Daemon) -> None:
    who = source("full", 4)
    with sending(daemon, who) as process:
        process.send([event()], {"redis": 12, "supabase": 3})
        process.answer()
    shown = books(daemon, who)
    assert (shown["recorded"], shown["stored"], shown["dropped"]) == (16, 1, 15)


def test_the_books_of_a_process_that_died_are_closed_once(daemon: Daemon) -> None:
    died, next_one = source("died", 6), source("died", 7)
    with sending(daemon, died) as process:
        process.store(event(), event())
        process.socket.socket.close()
    lost = json.dumps({"type": "lost", "source": died, "recorded": 9})
    with sending(daemon, next_one) as process:
        for _ in range(2):
            process.socket.send(lost)
            answer = process.answer()
            assert (answer["type"], answer["source"]["pid"]) == ("lost_ack", 6)
    shown = books(daemon, died)
    assert (shown["recorded"], shown["stored"], shown["dropped"], shown["state"]) == (9, 2, 7, "ended")


def test_a_process_that_says_goodbye_has_ended_and_one_that_vanishes_is_silent(daemon: Daemon) -> None:
    polite, gone = source("polite", 11), source("gone", 12)
    with sending(daemon, polite) as process:
        process.store(event())
        assert books(daemon, polite)["state"] == "sending"
    with sending(daemon, gone) as process:
        process.store(event())
        process.socket.socket.shutdown(socket.SHUT_RDWR)
    for _ in range(100):
        states = (books(daemon, polite)["state"], books(daemon, gone)["state"])
        if states == ("ended", "silent"):
            break
        time.sleep(0.05)
    assert states == ("ended", "silent")


def test_a_process_that_comes_back_takes_its_place_over_from_its_old_connection(daemon: Daemon) -> None:
    who = source("twice", 13)
    with sending(daemon, who) as old:
        old.store(event())
        with sending(daemon, who, recorded=1) as new:
            assert new.number == 1
            new.store(event())
            with suppress(ConnectionClosed):
                old.answer()
            assert old.socket.close_code == 1008
            shown = books(daemon, who)
            assert (shown["state"], shown["recorded"], shown["stored"]) == ("sending", 2, 2)


def test_connections_that_close_are_no_longer_active(daemon: Daemon) -> None:
    kind = "sockets-of-this-test"

    def active() -> int | None:
        stats = daemon.get("api/page")[1]["stats"]["kinds"]
        return next((one["active"] for one in stats if one["kind"] == kind), None)

    with sending(daemon) as process:
        process.store(*(event("ws.open", kind) for _ in range(3)))
        assert active() == 3
        process.store(*(event("ws.close", kind) for _ in range(2)))
        assert active() == 1
        process.store(event("ws.close", kind), event("ws.close", kind))
        assert active() == 0
    with sending(daemon, source("another", 2)) as process:
        process.store(event())
        assert active() is None  # whose they were is gone: unknown, not 0


def fill_up(daemon: Daemon, more_bytes: int) -> None:
    """Let no file of the daemon grow further, as on a full disk."""
    limit = more_bytes or resource.RLIM_INFINITY
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def test_on_a_full_disk_nothing_is_acknowledged_and_all_of_it_stored_later(tmp_path: Path) -> None:
    who = source("patient", 8)
    with running(tmp_path, HEALTH_CHECK_ENABLED="true", HEALTH_CHECK_PORT="0", HEALTH_CHECK_PERIOD="1") as daemon:
        with sending(daemon, who) as process:
            process.store(event())
            fill_up(daemon, 4096)
            answers = [process.store(event())]
            with suppress(ConnectionClosed):
                while True:
                    answers.append(process.answer())
            assert [answer["type"] for answer in answers] == ["refused"]
            assert "history" in answers[0]["reason"]
            assert process.socket.close_code == 1013
        assert daemon.process.poll() is None
        assert daemon.get("api/events")[1]["all"] == 1
        assert "cannot be used" in _reason_once_unhealthy(daemon)
        fill_up(daemon, 0)
        with sending(daemon, who, recorded=1) as process:
            assert process.number == 1
            assert process.store(event())["type"] == "ack"
        assert daemon.get("api/events")[1]["all"] == 2


def _reason_once_unhealthy(daemon: Daemon) -> str:
    """Of the history, within two looks at it; liveness stays up meanwhile."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        components = json.loads(fetch(daemon.addresses["health"])[1])["components"]
        history = next(one for one in components if one["name"] == "history")
        if history["status"] == "unhealthy":
            assert fetch(daemon.addresses["health"].replace("/health", "/health/live"))[0] == 200
            return str(history["reason"])
        time.sleep(0.05)
    raise AssertionError(f"health was not told: {history}")


def test_a_history_that_cannot_be_opened_is_said_and_opened_once_it_can(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_bytes(b"this is no history" * 300)
    with running(tmp_path) as daemon:
        reason, code = refusal(daemon, hello())
        assert "move it away" in reason
        assert code == 1013
        status, body = daemon.get("api/events")
        assert (status, "move it away" in body["error"]) == (503, True)
        (tmp_path / "history.sqlite").rename(tmp_path / "elsewhere")
        until = time.monotonic() + ANSWERS_S
        while refusal(daemon, hello(), "{")[1] == 1013 and time.monotonic() < until:
            time.sleep(0.05)
        with sending(daemon) as process, reading(daemon, 0) as page:
            process.store(event())
            assert numbers(read_until(page, 1)) == [1]


def test_a_history_that_is_read_only_is_read_and_not_written(tmp_path: Path) -> None:
    with running(tmp_path) as daemon, sending(daemon) as process:
        process.store(event())
    file = tmp_path / "history.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    frozen = subprocess.run(["chattr", "+i", str(file)], check=False, capture_output=True)
    if frozen.returncode:
        pytest.skip("this file system has no immutable files, and root may write to all others")
    try:
        with running(tmp_path) as daemon:
            reason, code = refusal(daemon, hello())
            assert "read-only" in reason
            assert code == 1013
            assert daemon.get("api/events")[1]["all"] == 1
    finally:
        subprocess.run(["chattr", "-i", str(file)], check=True)
