"""Two workers that write rows and compute digests, in one snapshot, and tell the main thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from typing import assert_never

import psycopg
from psycopg import sql

from pipelines.core.digest import Digest, digest_query
from pipelines.core.errors import BackupDamaged
from pipelines.core.json_rows import COPY_FORMAT, SavedRows, lines_query
from pipelines.core.portions import Portion
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from pipelines.database.data_files import Part, write_lines
from pipelines.database.durable_files import writing
from pipelines.database.failures import explained
from pipelines.database.snapshot import joined_snapshot
from pipelines.database.table_digest import read_digest

_WORKERS = 2
_CANCEL_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Export:
    """To do: write a portion of a table's rows."""

    rows: SavedRows
    portion: Portion
    path: str


@dataclass(frozen=True, slots=True)
class Measure:
    """To do: compute the digest of a portion of a table's rows."""

    rows: SavedRows
    portion: Portion


Task = Export | Measure


@dataclass(frozen=True, slots=True)
class Counted:
    """So many rows of a portion are written so far."""

    table: TableName
    portion: Portion
    count: int


@dataclass(frozen=True, slots=True)
class Exported:
    """A portion's rows are on disk."""

    table: TableName
    portion: Portion
    part: Part


@dataclass(frozen=True, slots=True)
class Measured:
    """A portion's digest is known."""

    table: TableName
    portion: Portion
    digest: Digest


News = Counted | Exported | Measured


@dataclass(frozen=True, slots=True)
class _Ended:
    """A worker has ended, well or not."""

    worker: int


class _Stopped(Exception):
    """Another worker or the main thread failed: this one gives up."""


@contextmanager
def export_workers(
    open_connection: Callable[[], Connection], snapshot: str, folder: Path, tasks: Iterable[Task]
) -> Iterator[Iterator[News]]:
    """Start the workers; the body takes their news until there are no more. Leaving it early stops them.

    The news raise what a worker raised:
        BackupDamaged: the folder cannot be written to.
        ConnectionLost, DatabaseError: the server went away or refused.
    """
    site = _Site(open_connection, snapshot, folder)
    for task in tasks:
        site.tasks.put(task)
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="export") as pool:
        futures = [pool.submit(site.work, number) for number in range(_WORKERS)]
        try:
            yield site.news_of(futures)
        finally:
            site.stop(futures)


@dataclass(frozen=True, slots=True)
class _Site:
    """What the workers share."""

    open_connection: Callable[[], Connection]
    snapshot: str
    folder: Path
    tasks: SimpleQueue[Task] = field(default_factory=SimpleQueue)
    news: SimpleQueue[News | _Ended] = field(default_factory=SimpleQueue)
    connections: list[Connection] = field(default_factory=list)
    stopping: Event = field(default_factory=Event)

    def news_of(self, workers: list[Future[None]]) -> Iterator[News]:
        """The news in order, until every worker has ended; raises what the first that failed raised."""
        running = len(workers)
        while running:
            match self.news.get():
                case _Ended(worker):
                    workers[worker].result()
                    running -= 1
                case item:
                    yield item

    def stop(self, workers: list[Future[None]]) -> None:
        """Make them end; a worker that begins a statement just now is cancelled at the next try."""
        self.stopping.set()
        while not all(worker.done() for worker in workers):
            for connection in tuple(self.connections):
                with suppress(psycopg.Error):
                    connection.cancel_safe(timeout=_CANCEL_AGAIN_S)
            with suppress(TimeoutError):
                for worker in workers:
                    worker.exception(timeout=_CANCEL_AGAIN_S)

    def work(self, number: int) -> None:
        """A worker's life: tasks until there are none."""
        try:
            with suppress(_Stopped), joined_snapshot(self.open_connection, self.snapshot) as connection:
                self.connections.append(connection)
                with explained("choose how rows are put in order"):
                    _choose_order(connection)
                while not self.stopping.is_set() and (task := self._next()):
                    self.news.put(self._do(connection, task))
        finally:
            self.news.put(_Ended(number))

    def _next(self) -> Task | None:
        try:
            return self.tasks.get_nowait()
        except Empty:
            return None

    def _do(self, connection: Connection, task: Task) -> News:
        match task:
            case Export(rows, portion, path):
                return Exported(rows.table, portion, self._export(connection, rows, portion, path))
            case Measure(rows, portion):
                query = digest_query(rows.table, rows.column_names, descendants=rows.partitioned, portion=portion)
                with explained(f"compute the digest of {rows.table}"):
                    return Measured(rows.table, portion, read_digest(connection, query))
            case _:
                assert_never(task)

    def _export(self, connection: Connection, rows: SavedRows, portion: Portion, path: str) -> Part:
        statement = sql.SQL("COPY ({}) TO STDOUT {}").format(lines_query(rows, portion), sql.SQL(COPY_FORMAT))

        def told(count: int) -> None:
            if self.stopping.is_set():
                raise _Stopped
            self.news.put(Counted(rows.table, portion, count))

        cursor = connection.cursor()
        with explained(f"export {rows.table}"), writing(self.folder), cursor.copy(statement) as copy:
            part = write_lines(self.folder, path, copy, told)
        if part.rows != cursor.rowcount:
            raise BackupDamaged(
                f"{rows.table}: {part.rows} lines were written and the server sent {cursor.rowcount} rows: run it again"
            )
        return part


def _choose_order(connection: Connection) -> None:
    """Keys that are not in the heap's order: one sort where an index scan would read each page again and again.

    The planner believes that the pages stay in the cache, unless it is told that there is none (manual 19.7.2). Where
    the server limits temporary files a sort may fail, so there it is the index scan after all.
    """
    ((limit,),) = connection.execute("SELECT current_setting('temp_file_limit')").fetchall()
    connection.execute("SET LOCAL effective_cache_size = 1" if limit == "-1" else "SET LOCAL enable_sort = off")
    # Two sessions at work are two processes at work.
    connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
