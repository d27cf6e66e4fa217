"""What the page's panels show, part of the wire: monitoring.wire has all of it under one name."""

from __future__ import annotations

import builtins
from typing import Literal

from msgspec import Struct

Status = Literal["healthy", "degraded", "unhealthy", "unknown", "disabled"]


class TotalStats(Struct, kw_only=True):
    """The last seconds over all kinds; operations are weighted, `sampled` where some stand for several."""

    operations_per_s: float | None
    sampled: bool
    error_rate: float | None
    p50_ns: int | None
    p95_ns: int | None
    p99_ns: int | None
    active: int | None
    last_us: int | None
    bytes_per_s: float | None
    state: Literal["active", "idle", "unknown"]
    reason: str | None = None
    since_us: int | None = None


class KindStats(TotalStats, kw_only=True):
    """The last seconds of one kind."""

    kind: str


class SeriesPoint(Struct, kw_only=True, omit_defaults=True):
    """One step of a chart; a step that nobody could measure has no point, a measured idle one has 0 operations.

    In `GET /api/stats` the field that `by` names is the one that is set.
    """

    at_us: int
    step_s: int
    operations: int
    errors: int
    p50_ns: int | None
    p95_ns: int | None
    p99_ns: int | None
    kind: str | None = None
    name: str | None = None
    source: str | None = None
    outcome: str | None = None


class Component(Struct, kw_only=True):
    """The health of one thing the applications need; the reason is a sentence with a number."""

    name: str
    title: str
    status: Status
    reason: str
    measured_us: int | None
    latency_ns: int | None
    meaning: str
    since_us: int


class Source(Struct, kw_only=True):
    """One process with its books: recorded = stored + dropped once all of it has arrived."""

    label: str
    service: str
    instance: str
    pid: int
    started_us: int
    last_us: int | None
    state: Literal["sending", "silent", "ended"]
    recorded: int
    stored: int
    dropped: int
    expected: bool


class MigrationTable(Struct, kw_only=True):
    """A table that is folded, with its rows before."""

    table: str
    rows: int | None


class MigrationTarget(Struct, kw_only=True):
    """The table that they are folded into."""

    table: str
    rows_before: int | None


class MigrationStep(Struct, kw_only=True):
    """One step of a fold as the page lines them up."""

    name: str
    title: str
    state: Literal["to_come", "running", "done", "failed", "waiting"]
    took_ns: int | None
    sentence: str
    at_us: int | None


class TableProgress(Struct, kw_only=True):
    """How far one table is."""

    table: str
    rows_done: int | None
    rows_total: int | None
    state: str


class MigrationProgress(Struct, kw_only=True):
    """What the running step has done and has to do."""

    title: str
    rows_done: int | None
    rows_total: int | None
    rows_per_s: float | None
    time_left_s: float | None
    tables: list[TableProgress]


class MigrationCheck(Struct, kw_only=True):
    """One check of a fold, passed or to come."""

    name: str
    state: Literal["passed", "failed", "warned", "to_come"]
    sentence: str
    at_us: int | None


class MigrationLocks(Struct, kw_only=True):
    """How long the cut-over held its locks, beside what was planned."""

    window_ms: float | None
    planned_ms: float | None
    sentence: str


class MigrationUndo(Struct, kw_only=True):
    """Whether the fold can be undone; null where nobody has computed it."""

    possible: bool | None
    sentence: str
    computed_us: int | None


class MigrationWait(Struct, kw_only=True):
    """What a fold waits for a person to do."""

    sentence: str
    command: str | None


class Migration(Struct, kw_only=True):
    """One fold, from its plan to its undo."""

    fold: str
    sources: list[MigrationTable]
    target: MigrationTarget | None
    run_id: str | None
    plan_hash: str | None
    state: Literal["planned", "running", "waiting", "folded", "failed", "rolled_back"]
    started_us: int | None
    finished_us: int | None
    dagster_url: str | None
    steps: list[MigrationStep]
    progress: MigrationProgress | None
    checks: list[MigrationCheck]
    locks: MigrationLocks | None
    undo: MigrationUndo | None
    waits_for: MigrationWait | None


class Backup(Struct, kw_only=True):
    """One backup; good once it was restored and found equal."""

    name: str
    state: Literal["good", "writing", "unproven", "bad"]
    at_us: int
    size_bytes: int | None
    sentence: str


class Backups(Struct, kw_only=True):
    """The backups that are kept, newest first."""

    kept: int
    size_bytes: int | None
    newest_us: int | None
    last_drill_us: int | None
    list: builtins.list[Backup]


class Semaphore(Struct, kw_only=True):
    """Who holds the permits of one semaphore; busy is no leak."""

    name: str
    source: str
    permits: int | None
    in_use: int | None
    waiting: int | None
    longest_held_ns: int | None
    holders: list[str]
    over_releases: int
    state: Literal["free", "busy", "leaking", "unknown"]


class CallsPerRequest(Struct, kw_only=True):
    """How many calls one request became: the most seen, beside the usual number."""

    name: str
    calls: int
    usual: int | None
    sentence: str
    trace_id: str | None


class Mark(Struct, kw_only=True):
    """A vertical line on the charts."""

    at_us: int
    title: str
    kind: Literal["deploy", "fold", "cut_over", "rollback"]
