"""Gauges: what only the moment of a scrape knows, from a snapshot that the main loop leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from daemon.metrics import Labels
from daemon.parts import WriterState
from daemon.probes.disk import Room, read_room
from daemon.probes.finding import Status
from daemon.probes.memory import Memory, read_memory
from monitoring.wire import Backups, Component, Migration, Semaphore, Source

_MOST = 64  # sources, semaphores, folds: the rest is summed under `other`


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Taken on the main loop; None is what nobody measured, and has no sample."""

    active: Mapping[str, int] = field(default_factory=dict)  # connections by kind
    sources: Sequence[Source] = ()
    semaphores: Sequence[Semaphore] = ()
    migrations: Sequence[Migration] = ()
    backups: Backups | None = None
    writer: WriterState | None = None
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OfMachine:
    """Read at the scrape."""

    memory: Memory | None
    room: Room | None
    lag_s: float | None


def read_machine(folder: Path, lag_s: float | None) -> OfMachine:
    """What can be read now: a folder that went away takes no other gauge with it."""
    memory = room = None
    with suppress(OSError):
        memory = read_memory()
    with suppress(OSError):
        room = read_room(folder)
    return OfMachine(memory, room, lag_s)


def gauges(
    snapshot: Snapshot, components: Iterable[Component], machine: OfMachine, now: Callable[[], datetime]
) -> Iterator[Metric]:
    """Every gauge, and the daemon's own counters."""
    yield from _of_sources(snapshot)
    yield from _of_semaphores(snapshot.semaphores)
    yield from _of_migrations(snapshot.migrations)
    yield from _of_backups(snapshot.backups, now().timestamp())
    yield from _of_daemon(snapshot)
    yield from _of_machine(machine)
    yield _of_components(components)


def _gauge(name: str, help: str, samples: Mapping[tuple[str, ...], float], *labels: str) -> Metric:
    family = GaugeMetricFamily(f"pgfold_{name}", help, labels=labels)
    for values, value in sorted(samples.items()):
        family.add_metric(values, value)
    return family


def _summed(pairs: Iterable[tuple[tuple[str, ...], float]]) -> dict[tuple[str, ...], float]:
    """Added up by their labels; the first label's values are bounded."""
    labels, found = Labels(_MOST), dict[tuple[str, ...], float]()
    for (first, *others), value in pairs:
        key = (labels.bounded(first), *others)
        found[key] = found.get(key, 0) + value
    return found


def _known(pairs: Iterable[tuple[tuple[str, ...], int | None]]) -> dict[tuple[str, ...], float]:
    """The same, without what nobody measured."""
    return _summed((labels, float(value)) for labels, value in pairs if value is not None)


def _of_sources(snapshot: Snapshot) -> Iterator[Metric]:
    yield _gauge("active_connections", "Connections that are open now.",
                 {(kind,): count for kind, count in snapshot.active.items()}, "kind")  # fmt: skip
    books: tuple[tuple[str, str, Callable[[Source], int]], ...] = (
        ("recorded", "Events that processes recorded.", lambda source: source.recorded),
        ("dropped", "Events that were recorded and never stored.", lambda source: source.dropped),
    )
    for name, help, count in books:
        family = CounterMetricFamily(f"pgfold_source_{name}_events", help, labels=["service"])
        for (service,), total in sorted(_summed(((s.service,), count(s)) for s in snapshot.sources).items()):
            family.add_metric([service], total)
        yield family
    states = _summed(((source.state,), 1) for source in snapshot.sources)
    yield _gauge("sources", "Processes known, by whether they send.", states, "state")


def _of_semaphores(semaphores: Sequence[Semaphore]) -> Iterator[Metric]:
    known = [s for s in semaphores if s.state != "unknown"]
    wanted: tuple[tuple[str, str, Callable[[Semaphore], int | None]], ...] = (
        ("semaphore_holders", "Permits that are held now.", lambda s: s.in_use),
        ("semaphore_waiting", "Callers that wait for a permit now.", lambda s: s.waiting),
        ("semaphore_permits", "Permits that there are.", lambda s: s.permits),
    )
    for name, help, value in wanted:
        yield _gauge(name, help, _known(((s.name,), value(s)) for s in known), "semaphore")


def _of_migrations(migrations: Sequence[Migration]) -> Iterator[Metric]:
    running = [(m.fold, m.progress) for m in migrations if m.progress is not None]
    done = _known(((fold,), progress.rows_done) for fold, progress in running)
    yield _gauge("migration_rows_done", "Rows that the running step has done.", done, "fold")
    total = _known(((fold,), progress.rows_total) for fold, progress in running)
    yield _gauge("migration_rows", "Rows that the running step has to do.", total, "fold")
    states = _summed(((m.fold, m.state), 1) for m in migrations)
    yield _gauge("migration_state", "1 for the state that a fold is in.", states, "fold", "state")


def _of_backups(backups: Backups | None, now_s: float) -> Iterator[Metric]:
    if backups is None:
        return
    yield _gauge("backups", "Backups that are kept.", {(): backups.kept})
    if backups.size_bytes is not None:
        yield _gauge("backups_size_bytes", "What they take.", {(): backups.size_bytes})
    for name, at_us in (("backup_age_seconds", backups.newest_us), ("backup_drill_age_seconds", backups.last_drill_us)):
        if at_us is not None:
            help = (
                "Since the newest backup." if name == "backup_age_seconds" else "Since one was restored and compared."
            )
            yield _gauge(name, help, {(): max(0.0, now_s - at_us / 1e6)})


def _of_daemon(snapshot: Snapshot) -> Iterator[Metric]:
    for name, total in sorted(snapshot.counters.items()):
        family = CounterMetricFamily(f"pgfold_daemon_{name}", "Since the daemon began.")
        family.add_metric([], total)
        yield family
    if snapshot.writer is not None:
        yield _gauge("history_size_bytes", "What the history takes.", {(): snapshot.writer.size_bytes})
        yield _gauge("history_events", "Events that the history has.", {(): snapshot.writer.events})
        yield _gauge("history_waiting_batches", "Batches not written yet.", {(): snapshot.writer.waiting_batches})


def _of_machine(machine: OfMachine) -> Iterator[Metric]:
    if machine.memory is not None:
        whose = (machine.memory.whose,)
        yield _gauge("memory_used_bytes", "Of the container, or of the machine.",
                     {whose: machine.memory.used_bytes}, "of")  # fmt: skip
        yield _gauge("memory_limit_bytes", "Of the same.", {whose: machine.memory.limit_bytes}, "of")
    if machine.room is not None:
        yield _gauge("disk_free_bytes", "Where the history is written.", {(): machine.room.free_bytes})
        yield _gauge("disk_size_bytes", "Of the same.", {(): machine.room.total_bytes})
    if machine.lag_s is not None:
        yield _gauge("event_loop_lag_seconds", "99th percentile of the last minute.", {(): machine.lag_s})


def _of_components(components: Iterable[Component]) -> Metric:
    """One sample a component and status, so that none has to be a number."""
    pairs = [(one, status) for one in components for status in Status]
    samples = _summed(((one.name, status.value), float(one.status == status.value)) for one, status in pairs)
    return _gauge("component_status", "1 for the status that a component has.", samples, "component", "status")
