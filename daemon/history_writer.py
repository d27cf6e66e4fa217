"""History writer: the one thread that writes, many jobs to a transaction, and tells what was committed."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from daemon.blocks import BLOCK_EVENTS, OpenBlock
from daemon.books import Book, read_books
from daemon.cells import Cells, Pending
from daemon.errors import DaemonError, HistoryUnavailable
from daemon.event_rows import from_row
from daemon.history_file import open_writer, sentence
from daemon.named_sql import load_sql
from daemon.parts import StoredRun, WriterState
from daemon.retention import Bounds, forget, forget_sums, used_bytes
from daemon.rollups import recount, write_rollups
from daemon.transaction import Transaction, write_block

_SQL = load_sql("daemon", "history.sql")

_ROLLUPS_EVERY_S = 2.0
_FORGET_EVERY_S = 2.0
_BEAT_EVERY_S = 5.0
_REOPEN_EVERY_S = 1.0
_EVENTS_A_TRANSACTION = 20_000
_STALE_SHARE = 20  # a block is closed early once it is older than a twentieth of what is kept

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Work within a transaction; `done` is given its result, or the error, once that is committed or failed."""

    work: Callable[[Transaction], Any]
    done: Callable[[Any, DaemonError | None], None]
    events: int = 0


@dataclass(frozen=True, slots=True)
class Committed:
    """What one transaction stored, the books it changed, and what its jobs are told."""

    runs: list[StoredRun] = field(default_factory=list)
    cells: Cells = field(default_factory=dict)
    books: dict[int, Book] = field(default_factory=dict)
    answers: list[Callable[[], None]] = field(default_factory=list)
    forgotten: frozenset[int] = frozenset()  # processes


@dataclass(frozen=True, slots=True)
class Begun:
    """What the history held when it was opened."""

    instance: str
    books: dict[int, Book]
    next_seq: int


class HistoryWriter:
    """Runs in a thread of its own; `deliver` is called in it after each transaction, whether it succeeded or not."""

    def __init__(self, path: Path, bounds: Bounds, clock_us: Callable[[], int],
                 deliver: Callable[[Committed], None], begin: Callable[[Begun], None]) -> None:  # fmt: skip
        self._path, self._bounds, self._clock_us = path, bounds, clock_us
        self._deliver, self._begin = deliver, begin
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._books: dict[int, Book] = {}
        self._next_seq = 1
        self._block = OpenBlock(1)
        self._pending = Pending()
        self._due = {"rollups": 0.0, "forget": 0.0, "beat": 0.0, "open": 0.0}
        self._thread = threading.Thread(target=self._run, name="history writer", daemon=True)
        self.state = WriterState(None, None, None, None, 0, 0, 0, None)

    def start(self) -> None:
        """Open the file, if that can be done, and begin to take jobs."""
        self._open()
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Have work done in the next transaction."""
        self._jobs.put(job)

    def stop(self, timeout_s: float) -> bool:
        """Finish the jobs submitted, write the rollups and close the file; False where that took too long."""
        self._jobs.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        going = True
        while going:
            jobs, going = self._take()
            if jobs:
                self._transact(jobs)
            self._duties(final=not going)
        if self._connection is not None:
            self._connection.close()

    def _take(self) -> tuple[list[Job], bool]:
        """The jobs of the next transaction, and whether to go on after it."""
        jobs: list[Job] = []
        events = 0
        try:
            job = self._jobs.get(timeout=0.25)
            while job is not None:
                jobs.append(job)
                events += job.events
                if events >= _EVENTS_A_TRANSACTION:
                    return jobs, True
                job = self._jobs.get_nowait()
        except queue.Empty:
            return jobs, True
        return jobs, False

    def _transact(self, jobs: list[Job]) -> None:
        began = time.perf_counter_ns()
        try:
            committed = self._commit(jobs)
        except Exception as error:  # noqa: BLE001 - the top of the thread's loop: whoever waits is answered
            unavailable = self._failed(error)
            self._deliver(Committed(answers=[_answer(job, None, unavailable) for job in jobs]))
            return
        self._succeeded(time.perf_counter_ns() - began)
        self._pending.add(committed.cells)
        self._deliver(committed)

    def _commit(self, jobs: list[Job]) -> Committed:
        connection = self._opened()
        transaction = Transaction(connection, self._books, self._clock_us(), self._bounds.max_age_s,
                                  self._next_seq, self._block)  # fmt: skip
        answers = []
        connection.execute("BEGIN IMMEDIATE")
        for job in jobs:
            try:
                answers.append(_answer(job, job.work(transaction), None))
            except HistoryUnavailable:
                raise
            except DaemonError as refusal:
                answers.append(_answer(job, None, refusal))
        transaction.finish()
        connection.execute("COMMIT")
        self._books.update(transaction.changed)
        self._next_seq, self._block = transaction.next_seq, transaction.block
        return Committed(transaction.runs, transaction.cells, transaction.changed, answers)

    def _duties(self, *, final: bool) -> None:
        """What is done from time to time, each in a transaction of its own."""
        if self._connection is None and self._is_due("open", _REOPEN_EVERY_S):
            self._open()
        if self._connection is None:
            return
        if final or self._is_due("rollups", _ROLLUPS_EVERY_S):
            self._roll_up()
        if self._is_due("forget", _FORGET_EVERY_S):
            self._within(self._forget)
        if self._beat_is_due():
            self._within(lambda connection: connection.execute(_SQL["beat"]))

    def _beat_is_due(self) -> bool:
        """Where nothing was written lately, or the last write failed, whether writing works is measured."""
        last_us = self.state.measured_us or 0
        quiet = self._clock_us() - last_us > _BEAT_EVERY_S * 1_000_000
        return (quiet or self.state.failure is not None) and self._is_due("beat", 1.0)

    def _within(self, work: Callable[[sqlite3.Connection], object]) -> bool:
        began = time.perf_counter_ns()
        try:
            connection = self._opened()
            before = connection.total_changes
            connection.execute("BEGIN IMMEDIATE")
            work(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - the top of the thread's loop
            self._failed(error)
            return False
        if connection.total_changes > before:  # one that changed nothing wrote nothing, and shows nothing
            self._succeeded(time.perf_counter_ns() - began)
        return True

    def _roll_up(self) -> None:
        if self._pending and self._within(self._write_rollups):
            self._pending.clear()

    def _write_rollups(self, connection: sqlite3.Connection) -> None:
        write_rollups(connection, self._pending, self._next_seq - 1)

    def _forget(self, connection: sqlite3.Connection) -> None:
        now_us = self._clock_us()
        stale_us = now_us - self._bounds.max_age_s * 1_000_000 // _STALE_SHARE
        if self._block.events and self._block.from_us < stale_us:
            write_block(connection, self._block)
            self._block = OpenBlock(self._next_seq)
        if forget(connection, self._bounds, now_us):
            self._due["forget"] = 0.0
        else:
            gone = frozenset(forget_sums(connection, self._bounds, now_us))
            self._books = {number: book for number, book in self._books.items() if number not in gone}
            if gone:
                self._deliver(Committed(forgotten=gone))

    def _is_due(self, duty: str, every_s: float) -> bool:
        now = time.monotonic()
        if now < self._due[duty]:
            return False
        self._due[duty] = now + every_s
        return True

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise HistoryUnavailable(self.state.failure or f"the history {self._path} is not open")
        return self._connection

    def _open(self) -> None:
        try:
            connection = open_writer(self._path)
        except HistoryUnavailable as error:
            self._failed(error)
            return
        try:
            begun = self._load(connection)
        except sqlite3.Error as error:
            connection.close()
            self._failed(error)
            return
        self._connection = connection
        self._succeeded(None)
        self._roll_up()
        self._begin(begun)

    def _load(self, connection: sqlite3.Connection) -> Begun:
        instance, self._next_seq, rolled_up = connection.execute(_SQL["numbering"]).fetchone()
        self._books = read_books(connection)
        self._block = load_open_block(connection, self._next_seq)
        self._pending = Pending()
        recount(connection, rolled_up, self._pending)
        return Begun(instance, dict(self._books), self._next_seq)

    def _failed(self, error: Exception) -> HistoryUnavailable:
        """Undo what was begun; what was in memory is what was committed."""
        unavailable = (
            error if isinstance(error, HistoryUnavailable) else HistoryUnavailable(sentence(self._path, error))
        )
        now_us = self._clock_us()
        if self.state.failure is None:
            _log.error("%s", unavailable)
        self.state = replace(self.state, measured_us=now_us, failure=str(unavailable),
                             failing_since_us=self.state.failing_since_us or now_us)  # fmt: skip
        if self._connection is not None:
            try:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._block = load_open_block(self._connection, self._next_seq)
            except sqlite3.Error:
                self._connection.close()
                self._connection = None
        return unavailable

    def _succeeded(self, latency_ns: int | None) -> None:
        if self.state.failure is not None:
            _log.warning("the history %s can be written again", self._path)
        connection = self._opened()
        first, last, oldest_us = connection.execute(_SQL["bounds"]).fetchone()
        self.state = WriterState(
            measured_us=self._clock_us(),
            latency_ns=latency_ns if latency_ns is not None else self.state.latency_ns,
            failure=None,
            failing_since_us=None,
            waiting_batches=self._jobs.qsize(),
            events=last - first + 1 if last else 0,
            size_bytes=used_bytes(connection),
            oldest_us=oldest_us,
        )


def load_open_block(connection: sqlite3.Connection, next_seq: int) -> OpenBlock:
    """The summary of the events after the last block, filled again from the events."""
    (after_blocks,) = connection.execute(_SQL["last_block"]).fetchone()
    (first_kept, _, _) = connection.execute(_SQL["bounds"]).fetchone()
    first_seq = max(after_blocks, first_kept) if first_kept else next_seq
    block = OpenBlock(first_seq)
    everything = dict.fromkeys(("kinds", "outcomes", "sources", "trace", "after_us", "before_us", "plain_text"))
    rows = connection.execute(_SQL["range"], {"first": first_seq, "last": next_seq, **everything})
    for row in rows.fetchmany(BLOCK_EVENTS - 1):
        event = from_row(row)
        block.add(event.source, [event])
    return block


def _answer(job: Job, result: Any, error: DaemonError | None) -> Callable[[], None]:
    return lambda: job.done(result, error)
