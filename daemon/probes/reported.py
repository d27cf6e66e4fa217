"""What the main loop reports of itself and of the sources; a report that is old says nothing any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.parts import WriterState
from daemon.probes.finding import Finding, Status
from daemon.wording import counted, duration, listed, one_line, size
from monitoring.wire import Backups, Semaphore, Source

_OLD_S = 3.0  # the main loop reports four times a second
_IDLE_WRITER_S = 15.0  # it writes a heartbeat every five seconds
_SLOW_WRITER_S = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """Taken on the main loop at `at`; None is what nobody has told it yet."""

    at: datetime
    writer: WriterState
    sources: tuple[Source, ...] | None = None
    semaphores: tuple[Semaphore, ...] | None = None
    backups: Backups | None = None
    folds_in_force: int | None = None


@dataclass(slots=True)
class Latest:
    """The newest report: written by the main loop, read by the watching thread; one assignment, so no lock."""

    report: Report | None = None


async def look_at_report(
    latest: Latest, now: Callable[[], datetime], judge: Callable[[Report, datetime], Finding]
) -> Finding:
    """What `judge` makes of the newest report."""
    report, at = latest.report, now()
    if report is None:
        return Finding(Status.UNKNOWN, "The event loop has reported 0 times.")
    age_s = (at - report.at).total_seconds()
    if age_s > _OLD_S:
        return Finding(Status.UNKNOWN, f"The event loop has not reported for {duration(age_s)}.")
    return judge(report, at)


def judge_history(writer: WriterState, most_bytes: int, now: datetime) -> Finding:
    """The finding of the history's writer."""
    lost = "Events wait in the applications, and are dropped there, counted, when those are full."
    if writer.failure is not None:
        since = "" if writer.failing_since_us is None else f" for {duration(_age_s(writer.failing_since_us, now))}"
        waiting = counted(writer.waiting_batches, "batch waits", "batches wait")
        return Finding(Status.UNHEALTHY, f"Not written{since}: {one_line(writer.failure)} {waiting}.", lost)
    if writer.measured_us is None:
        return Finding(Status.UNKNOWN, "The writer has written 0 times.")
    age_s = _age_s(writer.measured_us, now)
    latency_s = None if writer.latency_ns is None else writer.latency_ns / 1e9
    if age_s > _IDLE_WRITER_S:
        waiting = counted(writer.waiting_batches, "batch waits", "batches wait")
        return Finding(Status.UNHEALTHY, f"Nothing was written for {duration(age_s)}; {waiting}.", lost)
    room = f"{size(writer.size_bytes)} of {size(most_bytes)}"
    written = "" if latency_s is None else f"; written {duration(latency_s)} after arrival"
    back = "" if writer.oldest_us is None else f" Reaches back {duration(_age_s(writer.oldest_us, now))}."
    said = f"{room}{written}.{back}"
    if latency_s is not None and latency_s > _SLOW_WRITER_S:
        return Finding(Status.DEGRADED, f"Slow: {said}", "The page is behind by as much.", latency_s)
    return Finding(Status.HEALTHY, said, "What is recorded is kept.", latency_s)


def judge_sources(sources: Sequence[Source] | None, expected: Sequence[str], now: datetime) -> Finding:
    """The finding of the processes that send, and of the instances, services or labels in `expected`."""
    if sources is None:
        return Finding(Status.UNKNOWN, "Sources were reported 0 times.")
    absent = [name for name in expected if not any(_is_named(source, name) for source in sources)]
    running = _newest_processes(sources)
    silent = [s for s in running if s.state != "sending" and (s.expected or _is_expected(s, expected))]
    stray = [s for s in running if s.state == "silent" and s not in silent]
    sending = sorted({s.label for s in running if s.state == "sending"})
    said = f" {listed(sending)} {'sends' if len(sending) == 1 else 'send'}." if sending else " 0 sources send."
    if silent or absent:
        parts = [_silence(source, now) for source in silent]
        parts += [f"{one_line(name)} is expected, and has sent 0 events" for name in absent]
        return Finding(
            Status.UNHEALTHY, listed(parts) + "." + said, "What these do is not seen: it may fail unnoticed."
        )
    if stray:
        return Finding(Status.DEGRADED, f"{listed([_silence(s, now) for s in stray])}.{said}", "They may have stopped.")
    if not sending:
        return Finding(Status.DISABLED, "0 sources have sent, and EXPECTED_SOURCES names none.")
    return Finding(Status.HEALTHY, f"{counted(len(sending), 'source')}:{said}", "What these do is seen.")


def judge_semaphores(semaphores: Sequence[Semaphore] | None) -> Finding:
    """The finding of the semaphores that applications report; busy is no trouble."""
    if not semaphores:
        return Finding(Status.DISABLED, "0 semaphores are reported.")
    if leaking := [s for s in semaphores if s.state == "leaking" or s.over_releases]:
        return Finding(
            Status.DEGRADED, listed(_leak(s) for s in leaking) + ".", "Sooner or later callers wait for ever."
        )
    known = [s for s in semaphores if s.state != "unknown"]
    if not known:
        sources = listed(sorted({s.source for s in semaphores}))
        return Finding(
            Status.UNKNOWN, f"Only {sources} measures {counted(len(semaphores), 'semaphore')}, and is silent."
        )
    busy = [s for s in known if s.state == "busy"]
    waiting = sum(s.waiting or 0 for s in known)
    said = (
        f"{len(busy):,} of {counted(len(known), 'semaphore')} busy; {counted(waiting, 'caller waits', 'callers wait')}."
    )
    return Finding(Status.HEALTHY, said, "Permits are given and come back.")


def judge_backups(backups: Backups | None, folds_in_force: int | None, late_after_s: float, now: datetime) -> Finding:
    """The finding of the backups' age."""
    lost = "After a loss of the database there would be less to go back to."
    if backups is None:
        return Finding(Status.UNKNOWN, "Backups were read 0 times.")
    if backups.list and backups.list[0].state == "bad":
        worst = backups.list[0]
        return Finding(Status.DEGRADED, f"{worst.name[:1].upper()}{worst.name[1:]}: {worst.sentence}", lost)
    if backups.newest_us is None:
        if folds_in_force:
            return Finding(Status.UNHEALTHY, f"0 backups, and {counted(folds_in_force, 'fold')} in force.", lost)
        return Finding(Status.DISABLED, "0 backups yet: the first fold writes one, and so does pgfold backup.")
    age_s = _age_s(backups.newest_us, now)
    drilled = (
        "none was drilled"
        if backups.last_drill_us is None
        else f"last drill {duration(_age_s(backups.last_drill_us, now))} ago gave every row back"
    )
    said = f"Newest {duration(age_s)} old; {drilled}."
    if age_s > late_after_s:
        late = f"{said} One is due every {duration(late_after_s)}: pgfold backup."
        return Finding(Status.UNHEALTHY if age_s > 3 * late_after_s else Status.DEGRADED, late, lost)
    return Finding(Status.HEALTHY, said, "There is a recent state to go back to.")


def _newest_processes(sources: Sequence[Source]) -> list[Source]:
    """Of each instance the process that started last: those before it were replaced."""
    newest: dict[tuple[str, str], Source] = {}
    for source in sorted(sources, key=lambda one: one.started_us):
        newest[source.service, source.instance] = source
    return list(newest.values())


def _is_expected(source: Source, expected: Sequence[str]) -> bool:
    return any(_is_named(source, name) for name in expected)


def _is_named(source: Source, name: str) -> bool:
    return name in (source.label, source.instance, source.service)


def _silence(source: Source, now: datetime) -> str:
    label, ended = one_line(source.label), source.state == "ended"
    if source.last_us is None:
        return f"{label} {'has ended' if ended else 'is silent'}, and has sent 0 events"
    ago = duration(_age_s(source.last_us, now))
    return f"{label} ended {ago} ago" if ended else f"{label} is silent for {ago}"


def _leak(semaphore: Semaphore) -> str:
    name = one_line(semaphore.name)
    if semaphore.over_releases:
        return f"{name} of {semaphore.source} was released {counted(semaphore.over_releases, 'time')} too often"
    held = "" if semaphore.longest_held_ns is None else f" for {duration(semaphore.longest_held_ns / 1e9)}"
    return f"{name} of {semaphore.source}: a permit has been held{held} by {listed(map(one_line, semaphore.holders))}"


def _age_s(at_us: int, now: datetime) -> float:
    return max(0.0, now.timestamp() - at_us / 1e6)
