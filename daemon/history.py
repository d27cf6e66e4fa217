"""History: what the event loop knows of it. One thread writes, a few others read; neither blocks the loop."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from daemon.books import Book
from daemon.errors import DaemonError, HistoryUnavailable
from daemon.history_file import hold, open_reader, sentence
from daemon.history_writer import Begun, Committed, HistoryWriter, Job
from daemon.parts import WriterState
from daemon.retention import Bounds
from daemon.transaction import Kept, Transaction
from monitoring.wire import Batch, SourceId

T = TypeVar("T")

_READERS = 4
_WRITE_TIMEOUT_S = 30.0
_READ_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told on the event loop: once when the history was opened, then of each transaction."""

    begun: Callable[[Begun], None]
    committed: Callable[[Committed], None]


class History:
    """The events kept, with their books and rollups."""

    def __init__(self, path: Path, bounds: Bounds, clock_us: Callable[[], int], listener: Listener) -> None:
        self._path = path
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._writer = HistoryWriter(path, bounds, clock_us, self._deliver, self._begin)
        self._threads = ThreadPoolExecutor(_READERS, "history reader")
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._lock: int | None = None

    @property
    def state(self) -> WriterState:
        """How the writer is."""
        return self._writer.state

    def start(self) -> None:
        """Begin to write.

        Raises:
            HistoryUnavailable: another daemon has this history.
        """
        self._lock = hold(self._path)
        self._writer.start()

    async def stop(self) -> bool:
        """Store what was submitted and close the file; False where that took too long."""
        stopped = await asyncio.to_thread(self._writer.stop, _STOP_TIMEOUT_S)
        self._threads.shutdown(wait=False, cancel_futures=True)
        return stopped

    async def introduce(self, source: SourceId) -> Book:
        """The books of a process that connects."""
        return await self._write(lambda transaction: transaction.introduce(source))

    def store(self, book: int, batch: Batch, unreadable: Mapping[str, int], reason: str | None) -> asyncio.Future[Kept]:
        """Store a batch, of which some events were unreadable; the future is done once it is committed."""
        return self._submit(lambda transaction: transaction.store(book, batch, unreadable, reason), len(batch.events))

    async def lose(self, source: SourceId, recorded: int) -> Book:
        """Close the books of a process that ended."""
        return await self._write(lambda transaction: transaction.lose(source, recorded))

    async def cover(self, books: list[int]) -> None:
        """These processes are connected now."""
        await self._write(lambda transaction: transaction.cover(books))

    async def end(self, book: int) -> None:
        """A process said goodbye."""
        await self._write(lambda transaction: transaction.end(book))

    async def read(self, work: Callable[[sqlite3.Connection], T], timeout_s: float = _READ_TIMEOUT_S) -> T:
        """Read in a thread, on a connection of its own.

        Raises:
            HistoryUnavailable: it cannot be read now.
            TimeoutError: it took too long; the statement is interrupted.
        """
        running: list[sqlite3.Connection] = []
        try:
            async with asyncio.timeout(timeout_s):
                return await self._loop.run_in_executor(self._threads, self._read, work, running)
        except TimeoutError:
            for connection in running:
                connection.interrupt()
            raise

    def _read(self, work: Callable[[sqlite3.Connection], T], running: list[sqlite3.Connection]) -> T:
        try:
            with self._connection() as connection:
                running.append(connection)
                return work(connection)
        except sqlite3.Error as error:
            raise HistoryUnavailable(sentence(self._path, error)) from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = open_reader(self._path)
        try:
            yield connection
        except sqlite3.Error:
            connection.close()
            raise
        self._idle.put(connection)

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        async with asyncio.timeout(_WRITE_TIMEOUT_S):
            return await self._submit(work)

    def _submit(self, work: Callable[[Transaction], T], events: int = 0) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self._loop.create_future()

        def done(result: Any, error: DaemonError | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self._writer.submit(Job(work, done, events))
        return future

    def _deliver(self, committed: Committed) -> None:
        """In the writer's thread."""
        self._call(self._tell, committed)

    def _begin(self, begun: Begun) -> None:
        self._call(self._listener.begun, begun)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop has ended: nobody is left to be told
            return

    def _tell(self, committed: Committed) -> None:
        self._listener.committed(committed)
        for answer in committed.answers:
            answer()
