"""Watching: the components and how each is looked at, and what the main loop reports of itself to those who look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from daemon.core import Core
from daemon.gauges import Snapshot, gauges, read_machine
from daemon.metrics import EventMetrics
from daemon.observation import Observation, Server, Standings
from daemon.parts import StoredRun, View
from daemon.probes.dagster import DagsterLimits, look_at_dagster
from daemon.probes.disk import DiskLimits, look_at_disk
from daemon.probes.event_loop import LoopLimits, LoopWatch, look_at_loop
from daemon.probes.finding import Finding, Probe
from daemon.probes.memory import MemoryLimits, look_at_memory
from daemon.probes.own_thread import OwnThread
from daemon.probes.postgres import PostgresLimits, look_at_postgres
from daemon.probes.redis import DOWN, RedisLimits, look_at_redis
from daemon.probes.reported import (
    Latest,
    Report,
    judge_backups,
    judge_history,
    judge_semaphores,
    judge_sources,
    look_at_report,
)
from daemon.settings import Settings
from monitoring.wire import BackupsMessage, Health, Migrations, Semaphores, Sources

_REPORT_EVERY_S = 0.25
_POST_EVERY_S = 1.0
_BACKUPS_EVERY_S = 7 * 86_400.0
_SLOW = 3  # in periods: what changes slowly, or is asked of others
_NO_DATABASE = "Whatever reads or writes the database fails or waits."


def now() -> datetime:
    """Aware, UTC."""
    return datetime.now(UTC)


def probes(
    settings: Settings, latest: Latest, watch: LoopWatch, newest_backup: Callable[[], int | None]
) -> list[Probe]:
    """In the order in which the page shows them."""
    period_s = float(settings.health_period_s)
    slow_s = _SLOW * period_s
    url, redis, dagster = settings.database_url, settings.redis_url, settings.dagster_url
    told = partial(look_at_report, latest, now)
    folders = (settings.history.parent, settings.backups)
    return [
        Probe("postgres", "Postgres", partial(look_at_postgres, url, PostgresLimits(), period_s / 4), period_s,
              needed=url is not None, meaning=_NO_DATABASE),
        Probe("redis", "Redis", partial(look_at_redis, redis, RedisLimits(), period_s / 4), period_s,
              needed=redis is not None, meaning=DOWN),
        Probe("history", "History", partial(told, _history(settings)), period_s, needed=True),
        Probe("disk", "Disk", partial(look_at_disk, folders, DiskLimits(), newest_backup, OwnThread("disk")),
              slow_s),
        Probe("memory", "Memory", partial(look_at_memory, MemoryLimits()), period_s),
        Probe("event_loop", "Event loop", partial(look_at_loop, watch, LoopLimits()), period_s, needed=True),
        Probe("dagster", "Dagster", partial(look_at_dagster, dagster, DagsterLimits()), slow_s),
        Probe("backups", "Backups", partial(told, _backups), slow_s),
        Probe("semaphores", "Semaphores", partial(told, _semaphores), period_s),
        Probe("sources", "Sources", partial(told, _sources(settings)), period_s),
    ]  # fmt: skip


def _history(settings: Settings) -> Callable[[Report, datetime], Finding]:
    return lambda report, at: judge_history(report.writer, settings.history_max_bytes, at)


def _sources(settings: Settings) -> Callable[[Report, datetime], Finding]:
    return lambda report, at: judge_sources(report.sources, settings.expected_sources, at)


def _semaphores(report: Report, _: datetime) -> Finding:
    return judge_semaphores(report.semaphores)


def _backups(report: Report, at: datetime) -> Finding:
    return judge_backups(report.backups, report.folds_in_force, _BACKUPS_EVERY_S, at)


@dataclass(slots=True)
class Watching:
    """A part: reports four times a second, counts stored events for /metrics, and shows the components' health."""

    core: Core
    latest: Latest = field(default_factory=Latest)
    snapshot: Snapshot = field(default_factory=Snapshot)
    standings: Standings = field(init=False)
    watch: LoopWatch = field(init=False)
    metrics: EventMetrics = field(init=False)

    def __post_init__(self) -> None:
        self.watch = LoopWatch(asyncio.get_running_loop())
        asked = probes(self.core.settings, self.latest, self.watch, self._newest_backup_bytes)
        self.standings = Standings(asked, now)
        self.metrics = EventMetrics(self._gauges)
        self.core.view.listen(self._count)  # once, though `run` may be begun again after an error of its own

    @property
    def name(self) -> str:
        """Of its task."""
        return "watching"

    async def run(self, view: View) -> None:
        """Report, and show what was found."""
        shown = 0.0
        while True:
            self._report()
            if time.monotonic() - shown >= _POST_EVERY_S:
                shown = time.monotonic()
                view.board.post(Health(components=self.standings.components()))
            await asyncio.sleep(_REPORT_EVERY_S)

    def _count(self, run: StoredRun) -> None:
        self.metrics.count(run.events)

    def _report(self) -> None:
        board = self.core.board
        sources, semaphores = board.latest(Sources), board.latest(Semaphores)
        migrations, backups = board.latest(Migrations), board.latest(BackupsMessage)
        known = None if migrations is None else sum(one.state == "folded" for one in migrations.migrations)
        self.latest.report = Report(
            at=now(),
            writer=self.core.writer(),
            sources=None if sources is None else tuple(sources.sources),
            semaphores=None if semaphores is None else tuple(semaphores.semaphores),
            backups=None if backups is None else backups.backups,
            folds_in_force=known,
        )
        self.snapshot = Snapshot(
            active=self.core.active(),
            sources=() if sources is None else sources.sources,
            semaphores=() if semaphores is None else semaphores.semaphores,
            migrations=() if migrations is None else migrations.migrations,
            backups=None if backups is None else backups.backups,
            writer=self.core.writer(),
            counters=self.core.counters(),
        )

    def _newest_backup_bytes(self) -> int | None:
        """For the disk: whether another backup of that size would fit."""
        report = self.latest.report
        if report is None or report.backups is None or not report.backups.list:
            return None
        return report.backups.list[0].size_bytes

    def _gauges(self) -> list[Metric]:
        machine = read_machine(self.core.settings.history.parent, self.watch.lag_s)
        return list(gauges(self.snapshot, self.standings.components(), machine, now))


async def begin(stack: AsyncExitStack, watching: Watching, servers: list[Server]) -> None:
    """Start the thread that looks and answers; it ends with the stack."""
    observation = Observation(watching.standings, watching.watch, servers)
    await asyncio.to_thread(observation.start)
    stack.push_async_callback(asyncio.to_thread, observation.stop)


def registry(watching: Watching) -> CollectorRegistry:
    """What /metrics shows."""
    found = CollectorRegistry(auto_describe=False)
    found.register(watching.metrics)
    return found
