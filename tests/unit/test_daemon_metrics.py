"""What a scrape says is what was stored: parsed as Prometheus does, and compared with the events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from daemon.gauges import OfMachine, Snapshot, gauges
from daemon.metrics import BUCKETS_S, EventMetrics, LabelLimits, registry_of
from daemon.probes.disk import Room
from daemon.probes.memory import Memory
from monitoring.wire import Backups, Component, Event, Semaphore, Source

NOW = datetime(2026, 11, 25, 7, 16, tzinfo=UTC)
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

events = st.builds(
    Event,
    at_us=st.just(1),
    name=st.sampled_from(["db.query", "ws.send", 'a "quoted"\nname\\']),
    kind=st.sampled_from(["supabase", "websocket", "kimi"]),
    outcome=st.sampled_from(["ok", "error", "cancelled"]),
    error_type=st.sampled_from([None, "TimeoutError", "429"]),
    duration_ns=st.none() | st.integers(0, 60_000_000_000),
    size_bytes=st.none() | st.integers(0, 10_000),
    weight=st.sampled_from([1, 5, 10]),
    attributes=st.none() | st.just({"gen_ai.request.model": "kimi-k2", "gen_ai.usage.input_tokens": 12,
                                    "gen_ai.usage.output_tokens": 3}),
)  # fmt: skip


def scrape(metrics: EventMetrics) -> Samples:
    text = generate_latest(registry_of(metrics)).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def counted(sent: Sequence[Event], limits: LabelLimits | None = None) -> Samples:
    metrics = EventMetrics(lambda: (), limits or LabelLimits())
    half = len(sent) // 2
    metrics.count(sent[:half])
    metrics.count(sent[half:])
    return scrape(metrics)


def key(name: str, /, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


@given(st.lists(events, max_size=40))
def test_a_scrape_says_what_was_stored(sent: list[Event]) -> None:
    expected: Counter[tuple[str, frozenset[tuple[str, str]]]] = Counter()
    for event in sent:
        of = {"kind": event.kind, "name": event.name}
        expected[key("pgfold_operations_total", **of, outcome=event.outcome)] += event.weight
        expected[key("pgfold_events_stored_total", kind=event.kind)] += 1
        if event.duration_ns is not None:
            expected[key("pgfold_operation_duration_seconds_count", **of)] += event.weight
            for bound in BUCKETS_S:
                inside = event.weight if event.duration_ns <= bound * 1e9 else 0
                expected[key("pgfold_operation_duration_seconds_bucket", **of, le=str(bound))] += inside
        if event.size_bytes:
            expected[key("pgfold_operation_size_bytes_total", **of)] += event.size_bytes * event.weight
        if event.outcome == "error":
            error_type = event.error_type or "unknown"
            expected[key("pgfold_errors_total", kind=event.kind, error_type=error_type)] += event.weight
        if event.attributes:
            labels = {"kind": event.kind, "model": "kimi-k2"}
            expected[key("pgfold_provider_tokens_total", **labels, direction="input")] += 12 * event.weight
            expected[key("pgfold_provider_tokens_total", **labels, direction="output")] += 3 * event.weight
    found = counted(sent)
    assert {where: found.get(where) for where in expected} == {where: float(n) for where, n in expected.items()}
    assert len([where for where in found if where[0] == "pgfold_operations_total"]) == len(
        [where for where in expected if where[0] == "pgfold_operations_total"]
    )


def test_the_sum_of_durations_counts_each_sampled_one_as_often_as_it_stands_for() -> None:
    found = counted([Event(at_us=1, name="n", kind="k", duration_ns=250_000_000, weight=10)])
    assert found[key("pgfold_operation_duration_seconds_sum", kind="k", name="n")] == 2.5


def test_an_event_without_duration_is_in_no_histogram() -> None:
    found = counted([Event(at_us=1, name="n", kind="k")])
    assert not [where for where in found if where[0].startswith("pgfold_operation_duration_seconds")]


def test_labels_are_bounded_and_what_overflows_is_counted_as_other() -> None:
    limits = LabelLimits(kinds=2, names_of_a_kind=2, error_types=1, models=1)
    sent = [
        Event(at_us=1, name=f"name-{number}", kind=f"kind-{number % 4}", outcome="error", error_type=f"e{number}",
              attributes={"gen_ai.request.model": f"m{number}", "gen_ai.usage.input_tokens": 1})
        for number in range(100)
    ]  # fmt: skip
    found = counted(sent, limits)
    operations = {where: count for where, count in found.items() if where[0] == "pgfold_operations_total"}
    assert len(operations) <= (limits.kinds + 1) * (limits.names_of_a_kind + 1)
    assert sum(operations.values()) == 100
    assert found[key("pgfold_label_overflow_total", label="kind")] == 50
    assert found[key("pgfold_errors_total", kind="other", error_type="other")] == 50
    assert sum(count for where, count in found.items() if where[0] == "pgfold_provider_tokens_total") == 100


def test_gauges_show_what_was_measured_and_nothing_else() -> None:
    def source(service: str, recorded: int, dropped: int) -> Source:
        return Source(label=service, service=service, instance=service, pid=1, started_us=1, last_us=1, state="sending",
                      recorded=recorded, stored=recorded - dropped, dropped=dropped, expected=False)  # fmt: skip

    def semaphore(state: str, in_use: int | None) -> Semaphore:
        return Semaphore(name="pool", source="api", permits=4, in_use=in_use, waiting=None, longest_held_ns=None,
                         holders=[], over_releases=0, state=state)  # type: ignore[arg-type] # fmt: skip

    newest_us = round((NOW.timestamp() - 150) * 1e6)
    snapshot = Snapshot(
        active={"websocket": 312},
        sources=[source("api", 100, 3), source("api", 50, 1), source("worker", 7, 0)],
        semaphores=[semaphore("busy", 3), semaphore("free", 1), semaphore("unknown", None)],
        backups=Backups(kept=7, size_bytes=2_400, newest_us=newest_us, last_drill_us=None, list=[]),
        counters={"gaps_sent": 2},
    )
    component = Component(name="redis", title="Redis", status="unknown", reason="", measured_us=None, latency_ns=None,
                          meaning="", since_us=1)  # fmt: skip
    machine = OfMachine(Memory(1_640, 2_048, "container"), Room(Path("/"), 38, 80), None)
    metrics = EventMetrics(lambda: gauges(snapshot, [component], machine, lambda: NOW))
    found = scrape(metrics)
    expected = {
        key("pgfold_active_connections", kind="websocket"): 312,
        key("pgfold_source_recorded_events_total", service="api"): 150,
        key("pgfold_source_dropped_events_total", service="api"): 4,
        key("pgfold_sources", state="sending"): 3,
        key("pgfold_semaphore_holders", semaphore="pool"): 4,
        key("pgfold_backups"): 7,
        key("pgfold_backup_age_seconds"): 150,
        key("pgfold_daemon_gaps_sent_total"): 2,
        key("pgfold_memory_used_bytes", of="container"): 1_640,
        key("pgfold_disk_free_bytes"): 38,
        key("pgfold_component_status", component="redis", status="unknown"): 1,
        key("pgfold_component_status", component="redis", status="healthy"): 0,
    }
    assert {where: found.get(where) for where in expected} == expected
    names = {where[0] for where in found}
    assert not names & {"pgfold_semaphore_waiting", "pgfold_backup_drill_age_seconds", "pgfold_event_loop_lag_seconds"}
