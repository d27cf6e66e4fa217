"""Transaction: what one commit of the history does; its results count only once it is committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from daemon.admission import AHEAD_US, Admitted, Window, admit
from daemon.blocks import OpenBlock
from daemon.books import Book, add_book, close_book, covered_until, kinds_after, write_book
from daemon.cells import Cells, count_events
from daemon.errors import MessageRefused
from daemon.event_rows import encode_stored, to_rows
from daemon.named_sql import load_sql
from daemon.parts import StoredRun
from monitoring.wire import Batch, Event, SourceId

_SQL = load_sql("daemon", "history.sql")

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a batch; `repeated` where it was stored before."""

    number: int
    repeated: bool = False
    dropped: int = 0
    cut: int = 0
    refused: int = 0
    reason: str | None = None


@dataclass(slots=True)
class Transaction:
    """Changes that take effect together; `books` are those of before, `changed` those of after."""

    connection: sqlite3.Connection
    books: Mapping[int, Book]
    now_us: int
    max_age_s: int
    next_seq: int
    block: OpenBlock
    changed: dict[int, Book] = field(default_factory=dict)
    runs: list[StoredRun] = field(default_factory=list)
    cells: Cells = field(default_factory=dict)

    def book(self, number: int) -> Book:
        """As it is within this transaction."""
        return self.changed.get(number) or self.books[number]

    def introduce(self, source: SourceId) -> Book:
        """The book of a process, a new one where it was not seen before."""
        known = {**self.books, **self.changed}
        found = next((book for book in known.values() if book.source == source), None)
        if found is None:
            found = add_book(self.connection, source, known.values())
        self.changed[found.id] = replace(found, last_us=self.now_us, ended=False)
        return self.changed[found.id]

    def store(self, number: int, batch: Batch, unreadable: Mapping[str, int], reason: str | None) -> Kept:
        """Store a batch, once; `unreadable` are events of it, by kind, that were no events, and why.

        Raises:
            MessageRefused: a batch before it is missing.
        """
        book = self.book(number)
        if batch.number <= book.acknowledged:
            return Kept(batch.number, repeated=True)
        if batch.number != book.acknowledged + 1:
            raise MessageRefused(
                f"batch {batch.number} came after batch {book.acknowledged}: send {book.acknowledged + 1} first"
            )
        oldest_us = self.now_us - self.max_age_s * _MICROSECONDS
        admitted = admit(batch.events, Window(oldest_us, self.now_us + AHEAD_US))
        admitted.refused.update(unreadable)
        admitted.reason = admitted.reason or reason
        self._append(book, admitted.events)
        self._count_drops(book, batch, admitted)
        refused = admitted.refused.total()
        self.changed[number] = self._after(book, batch, admitted, refused)
        dropped = sum(batch.dropped.values())
        return Kept(batch.number, dropped=dropped, cut=admitted.cut, refused=refused, reason=admitted.reason)

    def lose(self, source: SourceId, recorded: int) -> Book:
        """A process that ended had recorded so many events."""
        book = self.introduce(source)
        closed = close_book(book, recorded)
        self.changed[book.id] = closed
        self._add_drops(book, {"process ended": closed.lost - book.lost})
        return closed

    def cover(self, numbers: list[int]) -> None:
        """These processes are connected now: a time in which they told nothing was quiet."""
        for number in numbers:
            book = self.book(number)
            covered = covered_until(book, self.now_us, unbroken=True)
            self.changed[number] = replace(book, covered=covered, last_us=self.now_us)

    def end(self, number: int) -> None:
        """A process said goodbye."""
        self.changed[number] = replace(self.book(number), ended=True)

    def finish(self) -> None:
        """Write what changed beside the events."""
        for number, book in self.changed.items():
            write_book(self.connection, book, self.books.get(number))
        self.connection.execute(_SQL["number"], {"next_seq": self.next_seq})

    def _after(self, book: Book, batch: Batch, admitted: Admitted, refused: int) -> Book:
        dropped = sum(batch.dropped.values())
        return replace(
            book,
            acknowledged=batch.number,
            recorded=max(book.recorded, batch.recorded),
            stored=book.stored + len(admitted.events),
            dropped=book.dropped + dropped,
            refused=book.refused + refused,
            last_us=self.now_us,
            ended=False,
            kinds=kinds_after(book, admitted.events),
            covered=covered_until(book, self.now_us, unbroken=not dropped),
        )

    def _append(self, book: Book, events: list[Event]) -> None:
        if not events:
            return
        statement = _SQL["append"]
        self.connection.executemany(statement, to_rows(book.id, self.next_seq, events))
        encoded = encode_stored(book.label, self.next_seq, events)
        self.runs.append(StoredRun(book.label, self.next_seq, events, encoded))
        count_events(book.label, events, self.cells)
        self._summarise(book.label, events)
        self.next_seq += len(events)

    def _summarise(self, label: str, events: list[Event]) -> None:
        start = 0
        while start < len(events):
            piece = events[start : start + self.block.room]
            self.block.add(label, piece)
            start += len(piece)
            if not self.block.room:
                write_block(self.connection, self.block)
                self.block = OpenBlock(self.block.first_seq + self.block.events)

    def _count_drops(self, book: Book, batch: Batch, admitted: Admitted) -> None:
        if batch.dropped or admitted.refused:
            self._add_drops(book, {kind: batch.dropped.get(kind, 0) + admitted.refused[kind]
                                   for kind in {*batch.dropped, *admitted.refused}})  # fmt: skip

    def _add_drops(self, book: Book, drops: Mapping[str, int]) -> None:
        rows = [{"source": book.id, "kind": kind, "events": events} for kind, events in drops.items() if events]
        self.connection.executemany(_SQL["add_drops"], rows)


def write_block(connection: sqlite3.Connection, block: OpenBlock) -> None:
    """Keep the summary of a block."""
    closed = block.close()
    named = {name: getattr(closed, name) for name in closed.__dataclass_fields__}
    connection.execute(_SQL["close_block"], named)
