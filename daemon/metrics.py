"""Metrics: what was stored, counted for Prometheus in a registry of its own.

Stored events are counted on the main loop, a commit at a time; a scrape reads on the observation's thread, so that it
is answered while the main loop is frozen. One lock is held for as long as either takes, and nothing waits within it.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.wire import Event, Value

OTHER = "other"
_MODEL = "gen_ai.request.model"
_TOKENS = {"input": "gen_ai.usage.input_tokens", "output": "gen_ai.usage.output_tokens"}
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BUCKETS_NS = tuple(round(bound * 1e9) for bound in BUCKETS_S)


@dataclass(frozen=True, slots=True)
class LabelLimits:
    """How many different values a label may have before the rest is counted under `other`."""

    kinds: int = 32
    names_of_a_kind: int = 64
    error_types: int = 64
    models: int = 32


class Labels:
    """The values a label has, bounded; `overflown` counts what came as `other`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()
        self.overflown = 0

    def bounded(self, value: str) -> str:
        """The value, or `other` where there are enough."""
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            self.overflown += 1
            return OTHER
        self._known.add(value)
        return value


@dataclass(slots=True)
class _Series:
    """The operations of one kind and name, each event counted as often as its weight says."""

    stored: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    seconds: float = 0.0
    size_bytes: int = 0


@dataclass(slots=True)
class _Counts:
    """Everything counted since the daemon began."""

    series: dict[tuple[str, str], _Series] = field(default_factory=dict)
    errors: dict[tuple[str, str], int] = field(default_factory=dict)
    tokens: dict[tuple[str, str, str], int] = field(default_factory=dict)


class EventMetrics(Collector):
    """A collector of stored events; `read_gauges` adds what only the moment of a scrape knows, and must not wait."""

    def __init__(self, read_gauges: Callable[[], Iterable[Metric]], limits: LabelLimits = LabelLimits()) -> None:
        self._limits = limits
        self._read_gauges = read_gauges
        self._lock = threading.Lock()
        self._counts = _Counts()
        self._kinds = Labels(limits.kinds)
        self._names: dict[str, Labels] = {}
        self._errors, self._models = Labels(limits.error_types), Labels(limits.models)
        self._keys: dict[tuple[str, str], tuple[str, _Series]] = {}

    def count(self, events: Iterable[Event]) -> None:
        """Events that were stored; each once."""
        with self._lock:
            for event in events:
                self._count(event)

    def _count(self, event: Event) -> None:
        kind, series = self._keys.get((event.kind, event.name)) or self._bounded(event.kind, event.name)
        weight = event.weight
        series.stored += 1
        series.outcomes[event.outcome] = series.outcomes.get(event.outcome, 0) + weight
        if event.duration_ns is not None:
            series.buckets[bisect_left(_BUCKETS_NS, event.duration_ns)] += weight
            series.seconds += event.duration_ns / 1e9 * weight
        if event.size_bytes is not None:
            series.size_bytes += event.size_bytes * weight
        if event.outcome == "error":
            key = (kind, self._errors.bounded(event.error_type or "unknown"))
            self._counts.errors[key] = self._counts.errors.get(key, 0) + weight
        if event.attributes and _MODEL in event.attributes:
            self._count_tokens(kind, event.attributes, weight)

    def _bounded(self, kind: str, name: str) -> tuple[str, _Series]:
        kind_label = self._kinds.bounded(kind)
        names = self._names.setdefault(kind_label, Labels(self._limits.names_of_a_kind))
        key = (kind_label, names.bounded(name))
        series = self._counts.series.setdefault(key, _Series())
        if key == (kind, name):
            self._keys[key] = (kind, series)  # as many as the labels are
        return kind_label, series

    def _count_tokens(self, kind: str, attributes: Mapping[str, Value], weight: int) -> None:
        model = self._models.bounded(str(attributes[_MODEL]))
        for direction, attribute in _TOKENS.items():
            found = attributes.get(attribute)
            if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
                key = (kind, model, direction)
                self._counts.tokens[key] = self._counts.tokens.get(key, 0) + found * weight

    def collect(self) -> Iterator[Metric]:
        """Every metric as it is now."""
        with self._lock:
            counted = [*self._operations(), *self._kinds_counted(), self._overflow()]
        yield from counted
        yield from self._read_gauges()

    def _operations(self) -> Iterator[Metric]:
        operations = CounterMetricFamily(
            "pgfold_operations", "Operations that were recorded, sampled ones as many as they stand for.",
            labels=["kind", "name", "outcome"],
        )  # fmt: skip
        durations = HistogramMetricFamily(
            "pgfold_operation_duration_seconds", "How long they took, of those that say so.", labels=["kind", "name"]
        )
        sizes = CounterMetricFamily(
            "pgfold_operation_size_bytes", "What they sent or received, of those that say so.", labels=["kind", "name"]
        )
        for (kind, name), series in sorted(self._counts.series.items()):
            for outcome, count in sorted(series.outcomes.items()):
                operations.add_metric([kind, name, outcome], count)
            if any(series.buckets):
                durations.add_metric([kind, name], _cumulative(series.buckets), series.seconds)
            if series.size_bytes:
                sizes.add_metric([kind, name], series.size_bytes)
        return iter((operations, durations, sizes))

    def _kinds_counted(self) -> Iterator[Metric]:
        stored = CounterMetricFamily("pgfold_events_stored", "Events stored since the daemon began.", labels=["kind"])
        events: dict[str, int] = {}
        for (kind, _), series in self._counts.series.items():
            events[kind] = events.get(kind, 0) + series.stored
        for kind, count in sorted(events.items()):
            stored.add_metric([kind], count)
        errors = CounterMetricFamily(
            "pgfold_errors", "Operations that failed, by the type of their error.", labels=["kind", "error_type"]
        )
        for (kind, error_type), count in sorted(self._counts.errors.items()):
            errors.add_metric([kind, error_type], count)
        tokens = CounterMetricFamily(
            "pgfold_provider_tokens", "Tokens that model providers counted.", labels=["kind", "model", "direction"]
        )
        for key, count in sorted(self._counts.tokens.items()):
            tokens.add_metric([*key], count)
        return iter((stored, errors, tokens))

    def _overflow(self) -> Metric:
        overflown = CounterMetricFamily(
            "pgfold_label_overflow", "Label values that were counted under other.", labels=["label"]
        )
        names = sum(labels.overflown for labels in self._names.values())
        found = {"kind": self._kinds.overflown, "name": names, "error_type": self._errors.overflown,
                 "model": self._models.overflown}  # fmt: skip
        for label, count in found.items():
            overflown.add_metric([label], count)
        return overflown


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """A registry of their own: what libraries register by themselves is not shown."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    return registry


def _cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    total, found = 0, []
    for bound, count in zip([*map(str, BUCKETS_S), "+Inf"], buckets, strict=True):
        total += count
        found.append((bound, float(total)))
    return found
