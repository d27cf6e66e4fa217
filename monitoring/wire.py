"""The messages between a monitored process, the daemon and its page: each field's name is spelled here.

All messages are JSON text frames. Times are integers, microseconds since the Unix epoch in UTC (`*_us`); durations are
nanoseconds, sizes bytes. What nobody measured is absent or null, never 0.
"""

from __future__ import annotations

import builtins
from typing import Literal

from msgspec import Struct, field

PROTOCOL = 1

NAME_LENGTH = 80
KIND_LENGTH = 40
ATTRIBUTES = 16
KEY_LENGTH = 64
VALUE_LENGTH = 256

BATCH_EVENTS = 5_000
BATCH_BYTES = 4 * 1024 * 1024

TYPE = "type"

Direction = Literal["in", "out", "none"]
Outcome = Literal["ok", "error", "cancelled"]
Status = Literal["healthy", "degraded", "unhealthy", "unknown", "disabled"]
Value = str | int | float | bool


class Event(Struct, kw_only=True, omit_defaults=True, gc=False):
    """One operation that ended, or one fact; `at_us` is when it ended, `duration_ns` before that it began."""

    at_us: int
    name: str
    kind: str
    direction: Direction = "none"
    outcome: Outcome = "ok"
    error_type: str | None = None
    duration_ns: int | None = None
    size_bytes: int | None = None
    trace_id: str | None = None
    weight: int = 1
    attributes: dict[str, Value] | None = None


class StoredEvent(Event, kw_only=True, omit_defaults=True, gc=False):
    """An event as the daemon keeps and sends it: numbered, with the label of the source it came from."""

    seq: int
    source: str


# --- /ingest: from a monitored process --------------------------------------------------------------------------------


class SourceId(Struct, kw_only=True, frozen=True):
    """One process, from its start to its end; `started_us` tells it from an earlier one with the same pid."""

    service: str
    instance: str
    pid: int
    started_us: int


class IngestHello(Struct, kw_only=True, tag_field=TYPE, tag="hello"):
    """The first message of a process: who it is and what it speaks."""

    protocol: int
    source: SourceId
    library: str = ""


class Batch(Struct, kw_only=True, tag_field=TYPE, tag="batch"):
    """Events in the order they were recorded; `recorded` since the source's start, `dropped` by kind since the last."""

    number: int
    recorded: int
    dropped: dict[str, int] = {}
    events: list[Event] = []


class Lost(Struct, kw_only=True, tag_field=TYPE, tag="lost"):
    """How many events a process that ended had recorded."""

    source: SourceId
    recorded: int


class Welcome(Struct, kw_only=True, tag_field=TYPE, tag="welcome"):
    """The daemon's answer: the number of the source's last stored batch (0: none), and how large a batch may be."""

    protocol: int = PROTOCOL
    acknowledged: int = 0
    batch_events: int = BATCH_EVENTS
    batch_bytes: int = BATCH_BYTES


class Refused(Struct, kw_only=True, tag_field=TYPE, tag="refused"):
    """Why the daemon closes the connection, with the remedy."""

    reason: str


class Ack(Struct, kw_only=True, tag_field=TYPE, tag="ack"):
    """This batch and those before it are committed."""

    number: int


class LostAck(Struct, kw_only=True, tag_field=TYPE, tag="lost_ack"):
    """The books of this process that ended are closed."""

    source: SourceId


ToIngest = IngestHello | Batch | Lost
FromIngest = Welcome | Refused | Ack | LostAck


# --- what the page shows ----------------------------------------------------------------------------------------------


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


# --- /monitoring: the stream ------------------------------------------------------------------------------------------


class Filter(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Which events a page wants; an absent field lets everything through."""

    kinds: tuple[str, ...] | None = None
    outcomes: tuple[Outcome, ...] | None = None
    sources: tuple[str, ...] | None = None
    text: str | None = None


class Subscribe(Struct, kw_only=True, tag_field=TYPE, tag="subscribe"):
    """From which number on a page wants events (null: only new ones); sent again it changes the filter."""

    protocol: int
    from_: int | None = field(default=None, name="from")
    filter: Filter = Filter()


class StreamHello(Struct, kw_only=True, tag_field=TYPE, tag="hello"):
    """What the history has, and what the page is about."""

    version: str
    now_us: int
    oldest: int
    latest: int
    instance: str
    title: str | None
    time_zone: str
    protocol: int = PROTOCOL


class Events(Struct, kw_only=True, tag_field=TYPE, tag="events"):
    """Events `first` to `last` were looked at; those that pass the filter are in here."""

    now_us: int
    first: int
    last: int
    events: list[StoredEvent]


class Gap(Struct, kw_only=True, tag_field=TYPE, tag="gap"):
    """Numbers that this page will not get, and why."""

    from_: int = field(name="from")
    to: int
    count: int
    reason: str


class Stats(Struct, kw_only=True, tag_field=TYPE, tag="stats"):
    """The last seconds, once a second, with the chart's newest points."""

    now_us: int
    window_s: int
    kinds: list[KindStats]
    total: TotalStats
    point: list[SeriesPoint]


class Health(Struct, kw_only=True, tag_field=TYPE, tag="health"):
    """Every component's health."""

    components: list[Component]


class Migrations(Struct, kw_only=True, tag_field=TYPE, tag="migrations"):
    """Every fold known."""

    migrations: list[Migration]


class BackupsMessage(Struct, kw_only=True, tag_field=TYPE, tag="backups"):
    """The backups."""

    backups: Backups


class Sources(Struct, kw_only=True, tag_field=TYPE, tag="sources"):
    """Every process known."""

    sources: list[Source]


class Semaphores(Struct, kw_only=True, tag_field=TYPE, tag="semaphores"):
    """Every semaphore known."""

    semaphores: list[Semaphore]


class Calls(Struct, kw_only=True, tag_field=TYPE, tag="calls"):
    """The requests that became the most calls."""

    requests: list[CallsPerRequest]


# --- the read API on 8080 ---------------------------------------------------------------------------------------------


class ErrorAnswer(Struct, kw_only=True):
    """What went wrong, a sentence with the remedy."""

    error: str


class EventsPage(Struct, kw_only=True):
    """`GET /api/events`, newest first; `next` is the cursor of the page after, `all` how many are kept."""

    events: list[StoredEvent]
    next: str | None
    total: int | None
    all: int


class MissingTime(Struct, kw_only=True):
    """A stretch of time that nobody measured."""

    from_us: int
    to_us: int
    reason: str


class StatsAnswer(Struct, kw_only=True):
    """`GET /api/stats`."""

    from_us: int
    to_us: int
    step_s: int
    points: list[SeriesPoint]
    missing: list[MissingTime]


class Trace(Struct, kw_only=True):
    """`GET /api/traces/{trace_id}`: one request across kinds, in the order it began."""

    trace_id: str
    events: list[StoredEvent]
    duration_ns: int | None
    sentence: str


class Page(Struct, kw_only=True):
    """`GET /api/page`: all that a page needs for its first paint."""

    stream_url: str
    hello: StreamHello
    stats: Stats
    health: Health
    migrations: Migrations
    backups: BackupsMessage
    sources: Sources
    semaphores: Semaphores
    calls: Calls
