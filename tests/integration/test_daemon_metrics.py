"""A scrape of a running daemon says what was sent to it, and what became of its database."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipelines.database.embedded import embedded_server
from tests.daemons import Daemon, event, fetch, running, sending
from tests.observing import wait_until

PORTS = {"HEALTH_CHECK_PORT": "0", "METRICS_PORT": "0", "HEALTH_CHECK_ENABLED": "true", "METRICS_ENABLED": "true",
         "HEALTH_CHECK_PERIOD": "2s"}  # fmt: skip
PERIODS_S = 6  # two of the daemon's own, and time for a busy machine


def scrape(daemon: Daemon) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    status, body, headers = fetch(daemon.addresses["metrics"])
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def key(name: str, /, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with running(tmp_path / "daemon", **PORTS) as started:
        yield started


def test_what_was_sent_is_what_is_scraped(daemon: Daemon) -> None:
    sent = [
        event("db.query", "supabase", duration_ns=3_000_000 * number, outcome="error" if number % 7 == 0 else "ok",
              weight=1 if number % 7 == 0 else 5, **({"error_type": "TimeoutError"} if number % 7 == 0 else {}))
        for number in range(50)
    ]  # fmt: skip
    opened = [event(f"ws.{what}", "websocket") for what in ("open", "open", "open", "close")]
    tokens = {"gen_ai.request.model": "kimi-k2", "gen_ai.usage.input_tokens": 1204, "gen_ai.usage.output_tokens": 312}
    with sending(daemon) as sender:
        sender.send([*sent, *opened, event("provider.call", "kimi", attributes=tokens)], {"redis": 12})
        assert sender.answer()["type"] == "ack"
        active = key("pgfold_active_connections", kind="websocket")
        dropped = key("pgfold_source_dropped_events_total", service="api")
        wait_until(lambda: scrape(daemon).get(active) == 2, 10, "2 active connections are not shown")
        wait_until(lambda: scrape(daemon).get(dropped) == 12, 10, "12 drops are not shown")
        found = scrape(daemon)
    counts: Counter[str] = Counter()
    for one in sent:
        counts[str(one["outcome"])] += int(str(one["weight"]))
    of = {"kind": "supabase", "name": "db.query"}
    assert {outcome: found[key("pgfold_operations_total", **of, outcome=outcome)] for outcome in counts} == counts
    assert found[key("pgfold_operation_duration_seconds_count", **of)] == counts.total()
    assert found[key("pgfold_errors_total", kind="supabase", error_type="TimeoutError")] == counts["error"]
    assert found[key("pgfold_events_stored_total", kind="websocket")] == 4
    assert found[key("pgfold_provider_tokens_total", kind="kimi", model="kimi-k2", direction="output")] == 312
    assert found[key("pgfold_source_recorded_events_total", service="api")] == 67


def statuses(daemon: Daemon) -> dict[str, str]:
    _, body, _ = fetch(daemon.addresses["health"])
    return {one["name"]: one["status"] for one in json.loads(body)["components"]}


def test_a_hung_database_and_a_silent_source_show_in_health_and_metrics(server_folder: Path, tmp_path: Path) -> None:
    with (
        embedded_server(server_folder, durable=False) as server,
        running(tmp_path / "daemon", DATABASE_URL=server.url, EXPECTED_SOURCES="api-1", **PORTS) as daemon,
    ):
        with sending(daemon) as sender:
            sender.store(event())
            wait_until(lambda: statuses(daemon)["postgres"] == "healthy", PERIODS_S, "Postgres is not healthy")
            wait_until(lambda: statuses(daemon)["sources"] == "healthy", PERIODS_S, "the source is not healthy")
            wait_until(lambda: fetch(daemon.addresses["health"] + "/ready")[0] == 200, PERIODS_S, "it is not ready")
        pid = int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_until(lambda: statuses(daemon)["postgres"] == "unhealthy", PERIODS_S + 2, "a hang is not shown")
            wait_until(lambda: statuses(daemon)["sources"] == "unhealthy", PERIODS_S + 2, "silence is not shown")
            assert fetch(daemon.addresses["health"] + "/live")[0] == 200
            assert fetch(daemon.addresses["health"] + "/ready")[0] == 503
            assert scrape(daemon)[key("pgfold_component_status", component="postgres", status="unhealthy")] == 1
        finally:
            os.kill(pid, signal.SIGCONT)
