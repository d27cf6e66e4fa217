"""Books: for each process what it recorded, what is stored and what was dropped, so that the three always agree."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from daemon.named_sql import load_sql
from monitoring.wire import Event, SourceId

_SQL = load_sql("daemon", "history.sql")

_OPENED, _CLOSED = ".open", ".close"  # how the names of both end: ws.open, redis.close


@dataclass(frozen=True, slots=True)
class KindBook:
    """What a process did with one kind; connections since the process's start."""

    opened: int = 0
    closed: int = 0
    last_us: int = 0

    @property
    def active(self) -> int | None:
        """Connections open now; None where it never told of one."""
        return max(0, self.opened - self.closed) if self.opened or self.closed else None


@dataclass(frozen=True, slots=True)
class Book:
    """One process: `dropped` it told of, `refused` were not kept by the daemon, `lost` died with it; covered: measured.

    After everything has arrived, recorded = stored + dropped + refused + lost.
    """

    id: int
    source: SourceId
    label: str
    acknowledged: int = 0
    recorded: int = 0
    stored: int = 0
    dropped: int = 0
    refused: int = 0
    lost: int = 0
    last_us: int | None = None
    ended: bool = False
    kinds: Mapping[str, KindBook] = field(default_factory=dict)
    covered: tuple[int, int] | None = None  # the latest stretch, in microseconds

    @property
    def all_drops(self) -> int:
        """Every event recorded that will never be stored."""
        return self.dropped + self.refused + self.lost


def kinds_after(book: Book, events: Iterable[Event]) -> dict[str, KindBook]:
    """What a process touched, with these events."""
    last: dict[str, int] = {}
    opened: Counter[str] = Counter()
    closed: Counter[str] = Counter()
    for event in events:
        kind = event.kind
        if event.at_us > last.get(kind, 0):
            last[kind] = event.at_us
        if event.name.endswith(_OPENED):
            opened[kind] += 1
        elif event.name.endswith(_CLOSED):
            closed[kind] += 1
    found = dict(book.kinds)
    for kind, last_us in last.items():
        was = found.get(kind, KindBook())
        found[kind] = KindBook(was.opened + opened[kind], was.closed + closed[kind], max(was.last_us, last_us))
    return found


def covered_until(book: Book, now_us: int, *, unbroken: bool) -> tuple[int, int]:
    """The latest stretch, drawn on to `now_us`; a new one where something was dropped since."""
    if book.covered is None:
        return min(book.source.started_us, now_us), now_us
    return (book.covered[0] if unbroken else min(now_us, book.covered[1] + 1), max(now_us, book.covered[1]))


def close_book(book: Book, recorded: int) -> Book:
    """A process is gone, and this is how many events it had recorded: what did not arrive is lost. Idempotent."""
    lost = max(0, recorded - book.stored - book.dropped - book.refused)
    return replace(book, recorded=max(book.recorded, recorded), lost=lost, ended=True)


def label_for(source: SourceId, known: Iterable[Book]) -> str:
    """What people call it: its instance, with the service before it where another service has an instance so named."""
    others = {book.label for book in known if book.source.service != source.service}
    name = source.instance or f"{source.service}-{source.pid}"
    return f"{source.service}/{name}" if name in others else name


def read_books(connection: sqlite3.Connection) -> dict[int, Book]:
    """All that are kept."""
    kinds: dict[int, dict[str, KindBook]] = {}
    for owner, kind, opened, closed, last_us in connection.execute(_SQL["kinds"]):
        kinds.setdefault(owner, {})[kind] = KindBook(opened, closed, last_us)
    covered = {owner: (from_us, to_us) for owner, from_us, to_us in connection.execute(_SQL["coverage"])}
    rows = connection.execute(_SQL["sources"]).fetchall()
    return {row[0]: _book(row, kinds.get(row[0], {}), covered.get(row[0])) for row in rows}


def _book(row: tuple[Any, ...], kinds: Mapping[str, KindBook], covered: tuple[int, int] | None) -> Book:
    number, service, instance, pid, started_us, label, acknowledged, recorded, stored, dropped, refused, lost = row[:12]
    last_us, ended = row[12:]
    source = SourceId(service=service, instance=instance, pid=pid, started_us=started_us)
    return Book(
        number,
        source,
        label,
        acknowledged,
        recorded,
        stored,
        dropped,
        refused,
        lost,
        last_us,
        bool(ended),
        kinds,
        covered,
    )


def add_book(connection: sqlite3.Connection, source: SourceId, known: Iterable[Book]) -> Book:
    """A process seen for the first time."""
    label = label_for(source, known)
    named = {"service": source.service, "instance": source.instance, "pid": source.pid,
             "started_us": source.started_us, "label": label}  # fmt: skip
    (number,) = connection.execute(_SQL["add_source"], named).fetchone()
    return Book(number, source, label)


def write_book(connection: sqlite3.Connection, book: Book, was: Book | None) -> None:
    """What changed since `was`."""
    sums = {key: value for key, value in asdict(book).items() if key not in ("source", "label", "kinds", "covered")}
    connection.execute(_SQL["update_source"], sums)
    before = was.kinds if was else {}
    changed = [{"source": book.id, "kind": kind, **asdict(entry)}
               for kind, entry in book.kinds.items() if before.get(kind) != entry]  # fmt: skip
    connection.executemany(_SQL["put_kind"], changed)
    if book.covered is not None and (was is None or was.covered != book.covered):
        stretch = {"source": book.id, "from_us": book.covered[0], "to_us": book.covered[1]}
        connection.execute(_SQL["put_coverage"], stretch)
