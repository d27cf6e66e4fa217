"""The messages between a monitored process, the daemon and its page: each field's name is spelled here.

All messages are JSON text frames. Times are integers, microseconds since the Unix epoch in UTC (`*_us`); durations are
nanoseconds, sizes bytes. What nobody measured is absent or null, never 0.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from monitoring.panels import (
    Backup,
    Backups,
    CallsPerRequest,
    Component,
    KindStats,
    Mark,
    Migration,
    MigrationCheck,
    MigrationLocks,
    MigrationProgress,
    MigrationStep,
    MigrationTable,
    MigrationTarget,
    MigrationUndo,
    MigrationWait,
    Semaphore,
    SeriesPoint,
    Source,
    Status,
    TableProgress,
    TotalStats,
)

__all__ = [  # besides its own: all of the wire has its place under this name
    "Backup",
    "Backups",
    "CallsPerRequest",
    "Component",
    "KindStats",
    "Mark",
    "Migration",
    "MigrationCheck",
    "MigrationLocks",
    "MigrationProgress",
    "MigrationStep",
    "MigrationTable",
    "MigrationTarget",
    "MigrationUndo",
    "MigrationWait",
    "Semaphore",
    "SeriesPoint",
    "Source",
    "Status",
    "TableProgress",
    "TotalStats",
]

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
