"""What is recorded arrives once, whatever happens to the daemon, the connection or the process."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import monitoring
from monitoring.calls import (
    record_authentication,
    record_close,
    record_configuration,
    record_deploy,
    record_open,
    record_rejection,
)
from monitoring.recorder import RING
from monitoring.settings import Settings
from monitoring.wire import Batch, IngestHello, SourceId, ToIngest
from tests.ingest import Ingest, Kept

ROOT = Path(__file__).parents[2]
Monitored = Callable[[], Ingest]


def record(count: int, kind: str = "host") -> None:
    for number in range(count):
        monitoring.event("thing.done", kind, attributes={"number": number})


def only(ingest: Ingest) -> Kept:
    (kept,) = ingest.sources.values()
    return kept


def test_events_arrive_in_order_with_the_count_of_what_was_recorded(monitored: Monitored) -> None:
    record(12_000)
    kept = only(monitored())
    assert [event.attributes for event in kept.events] == [{"number": number} for number in range(12_000)]
    assert (kept.recorded, kept.drops) == (12_000, 0)


def test_the_calls_for_what_no_library_shows_name_what_happened(monitored: Monitored) -> None:
    record_authentication(True, method="token")
    record_authentication(False, method="token", reason="expired")
    record_configuration("settings", settings=12)
    record_configuration("settings", error=ValueError("secret"))
    record_open("ws", direction="in")
    record_open("db", error=ConnectionError("secret"))
    record_close("ws", direction="in", started=monitoring.clock())
    record_rejection("ws", "rate_limited")
    record_deploy("1.18.2")
    found = [(e.name, e.kind, e.direction, e.outcome, e.error_type, e.weight) for e in monitored().events]
    assert found == [
        ("auth.check", "auth", "in", "ok", None, 1),
        ("auth.check", "auth", "in", "error", "expired", 1),
        ("config.loaded", "config", "none", "ok", None, 1),
        ("config.loaded", "config", "none", "error", "ValueError", 1),
        ("ws.open", "websocket", "in", "ok", None, 1),
        ("db.connect", "supabase", "out", "error", "ConnectionError", 1),
        ("ws.close", "websocket", "in", "ok", None, 1),
        ("ws.rejected", "websocket", "in", "error", "rate_limited", 1),
        ("deploy", "host", "none", "ok", None, 1),
    ]


def test_what_happens_while_the_daemon_is_away_arrives_when_it_is_back(ingest: Ingest, monitored: Monitored) -> None:
    record(10)
    monitored()
    for _ in range(5):
        ingest.break_off()
        record(100)
        assert not monitoring.flush(0.05)
        ingest.listen()
        monitored()
    kept = only(ingest)
    assert (len(kept.events), kept.recorded, kept.drops) == (510, 510, 0)


def test_a_batch_whose_acknowledgement_was_lost_is_stored_once(ingest: Ingest, monitored: Monitored) -> None:
    ingest.acknowledge = False
    record(10)
    ingest.wait_for("thing.done", 10)
    ingest.break_off()
    ingest.acknowledge = True
    ingest.listen()
    assert len(monitored().events) == 10


def test_without_a_daemon_the_application_goes_on_and_the_drops_are_counted(
    tmp_path: Path, ingest: Ingest, caplog: pytest.LogCaptureFixture
) -> None:
    ingest.break_off()
    monitoring.start("test", settings=Settings(ingest_url=ingest.url, spool=tmp_path, ring_events=1024, read_slow_ms=1))
    try:
        record(900, "redis")
        record(900, "supabase")
        ingest.wait(lambda: "dropped" in caplog.text)
        ingest.listen()
        assert monitoring.flush(5)
        kept = only(ingest)
        assert (kept.recorded, len(kept.events), kept.dropped) == (1800, 1024, {"supabase": 776})
        assert "events are dropped, and counted" in caplog.text
    finally:
        monitoring.stop(1)


def test_a_refusal_is_logged_with_its_remedy_and_nothing_is_lost(
    ingest: Ingest, monitoring_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "monitoring")
    ingest.refuse = lambda message: "the token is wrong: set INGEST_TOKEN"
    monitoring.start("test", settings=monitoring_settings)
    record(10)
    ingest.wait(lambda: any("INGEST_TOKEN" in entry.getMessage() for entry in caplog.records))
    ingest.wait(lambda: len(ingest.headers) > 4)
    ingest.refuse = lambda message: None
    assert monitoring.flush(10)
    assert (len(only(ingest).events), only(ingest).drops) == (10, 0), "a refusal at the door spoils no batch"
    assert monitoring.stop()


def test_a_denied_process_is_told_which_setting_is_wrong(
    monitoring_settings: Settings, caplog: pytest.LogCaptureFixture, ingest: Ingest
) -> None:
    ingest.deny = True
    monitoring.start("test", settings=monitoring_settings)
    ingest.wait(lambda: "HTTP 401: set INGEST_TOKEN" in caplog.text)
    monitoring.stop(0.01)


def test_a_batch_that_is_refused_again_and_again_is_given_up_and_counted(ingest: Ingest, monitored: Monitored) -> None:
    def refuse(message: ToIngest) -> str | None:
        bad = isinstance(message, Batch) and any(event.name == "bad" for event in message.events)
        return "an event is not as it should be" if bad else None

    ingest.refuse = refuse
    monitoring.event("bad", "redis")
    ingest.wait(lambda: monitoring.flush(0.01))
    record(3)
    kept = only(monitored())
    assert (kept.recorded, [e.name for e in kept.events], kept.dropped) == (4, ["thing.done"] * 3, {"redis": 1})


def test_a_daemon_with_another_history_gets_a_new_source_whose_books_are_even(
    ingest: Ingest, monitored: Monitored
) -> None:
    record(10)
    monitored()
    (before,) = ingest.sources
    ingest.break_off()
    record(5)
    ingest.sources.clear()
    ingest.listen()
    kept = only(monitored())
    (after,) = ingest.sources
    assert (kept.recorded, len(kept.events), kept.acknowledged) == (5, 5, 1)
    assert after.started_us > before.started_us
    record(2)
    monitored()
    assert (kept.recorded, len(kept.events)) == (7, 7)


def test_the_token_goes_into_the_header_and_the_source_says_who_it_is(ingest: Ingest, tmp_path: Path) -> None:
    monitoring.start(
        "api", instance="api-1", settings=Settings(ingest_url=ingest.url, ingest_token="s3cret", spool=tmp_path)
    )
    record(1)
    assert monitoring.stop()
    assert ingest.headers[-1]["Authorization"] == "Bearer s3cret"
    (source,) = ingest.sources
    assert (source.service, source.instance, source.pid) == ("api", "api-1", os.getpid())
    assert list(tmp_path.iterdir()) == []


def test_two_histories_of_one_hello_are_not_mixed(ingest: Ingest, monitored: Monitored) -> None:
    hellos: list[SourceId] = []

    def remember(message: ToIngest) -> None:
        if isinstance(message, IngestHello):
            hellos.append(message.source)

    ingest.refuse = remember
    record(1)
    monitored()
    ingest.break_off()
    ingest.listen()
    record(1)
    monitored()
    assert len(set(hellos)) == 1


PROGRAM = """
import os, sys, monitoring
from monitoring.integrations.websockets import monitor_websockets
monitor_websockets()
monitoring.start("app", instance="app-1")
"""


def program(ingest: Ingest, spool: Path, body: str, **environment: str) -> subprocess.Popen[str]:
    """A process of the service app that runs `body` after it has started monitoring."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM + textwrap.dedent(body)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stdin=subprocess.PIPE,
        env={**os.environ, "MONITORING_INGEST": ingest.url, "MONITORING_SPOOL": str(spool), **environment},
    )  # fmt: skip


def test_at_its_end_a_process_sends_what_is_left_and_leaves_nothing(ingest: Ingest, tmp_path: Path) -> None:
    ended = program(ingest, tmp_path, "for n in range(1000): monitoring.event('thing.done', 'host')")
    assert ended.wait(10) == 0
    assert len(only(ingest).events) == 1000, "and none of its own messages"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reachable", [True, False])
def test_after_a_kill_the_next_process_reports_what_was_lost(ingest: Ingest, tmp_path: Path, reachable: bool) -> None:
    if not reachable:
        ingest.break_off()
    body = "for n in range(1234): monitoring.event('thing.done', 'host')\nprint('done', flush=True)\nsys.stdin.read()"
    killed = program(ingest, tmp_path, body)
    assert killed.stdout is not None
    killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    if not reachable:
        ingest.listen()
    assert program(ingest, tmp_path, "monitoring.event('next', 'host')").wait(10) == 0
    ingest.wait(
        lambda: all(kept.lost is not None for source, kept in ingest.sources.items() if source.pid == killed.pid)
    )
    lost = next(kept for source, kept in ingest.sources.items() if source.pid == killed.pid)
    assert (lost.lost, len(lost.events) + lost.drops) == (1234, 1234)
    assert list(tmp_path.iterdir()) == []


def test_a_living_process_is_not_reported_and_another_services_is_left_alone(ingest: Ingest, tmp_path: Path) -> None:
    living = program(
        ingest,
        tmp_path,
        "monitoring.event('thing.done', 'host')\nmonitoring.flush(5)\nprint('here', flush=True)\nsys.stdin.read()",
    )
    assert living.stdout is not None
    living.stdout.readline()
    assert program(ingest, tmp_path, "monitoring.event('next', 'host')").wait(10) == 0
    assert [kept.lost for kept in ingest.sources.values()] == [None, None]
    living.communicate("", timeout=10)


def test_a_forked_child_is_a_source_of_its_own(ingest: Ingest, tmp_path: Path) -> None:
    body = """
    for n in range(100): monitoring.event("parent", "host")
    child = os.fork()
    for n in range(50): monitoring.event("child" if child == 0 else "parent", "host")
    if child == 0:
        monitoring.stop()
        os._exit(0)
    os.waitpid(child, 0)
    """
    assert program(ingest, tmp_path, body).wait(10) == 0
    found = {
        source.instance: (kept.recorded, {event.name for event in kept.events})
        for source, kept in ingest.sources.items()
    }
    child = next(name for name in found if name != "app-1")
    assert found == {"app-1": (150, {"parent"}), child: (50, {"child"})}
    assert child.startswith("app-1.")
    assert list(tmp_path.iterdir()) == []


def test_where_monitoring_is_off_nothing_starts_and_nothing_connects(ingest: Ingest, tmp_path: Path) -> None:
    body = """
    import threading
    from monitoring.integrations.logging import monitor_logging
    monitor_logging()
    monitoring.event("thing.done", "host")
    print(threading.active_count(), monitoring.flush(1), monitoring.source())
    """
    ended = program(ingest, tmp_path / "spool", body, MONITORING_ENABLED="false")
    out, _ = ended.communicate("", timeout=10)
    assert out == "1 True None\n"
    assert ingest.sources == {}
    assert not (tmp_path / "spool").exists()


def test_a_spool_that_cannot_be_written_is_a_warning_and_no_more(
    ingest: Ingest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.touch()
    monitoring.start("test", settings=Settings(ingest_url=ingest.url, spool=file / "spool"))
    record(3)
    assert monitoring.stop()
    assert "set MONITORING_SPOOL" in caplog.text
    assert only(ingest).recorded == 3


def test_nothing_is_recorded_before_the_start_and_after_the_end(monitored: Monitored) -> None:
    record(1)
    ingest = monitored()
    monitoring.stop()
    record(1)
    assert len(ingest.events) == 1
    assert RING.head == 0
