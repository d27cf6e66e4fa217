"""Four writers keep books of what they committed, from before the first statement until the sources are gone.

Each has keys of its own, so that its book says exactly what the target must hold in the end.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from pipelines.database.connection import Connection
from tests.cutting import staged
from tests.databases import Database
from tests.folding import spec_text

WRITERS = 4
ROWS = 2_000
TABLES = f"""
CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL, code int UNIQUE);
INSERT INTO things SELECT -g, 'own', -g FROM generate_series(1, 50) g;
CREATE TABLE a (id int PRIMARY KEY, name text NOT NULL, code int UNIQUE);
INSERT INTO a SELECT g, 'a', g FROM generate_series(1, {ROWS}) g;
CREATE TABLE b (id int PRIMARY KEY, name text NOT NULL, code int UNIQUE);
INSERT INTO b SELECT g, 'b', g FROM generate_series({ROWS + 1}, {2 * ROWS}) g;
CREATE TABLE parts (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO parts SELECT g, g FROM generate_series(1, {ROWS}, 5) g;
"""
Row = tuple[str, int]


@dataclass(slots=True)
class Writer:
    """A session and its book: for each source, the rows whose keys are `number` modulo four."""

    url: str
    number: int
    stop: threading.Event
    books: dict[str, dict[int, Row]]
    fresh: int = 10 * ROWS
    committed: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Until stopped, or until the sources are gone."""
        chance = random.Random(self.number)
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.stop.is_set():
                try:
                    self._write(connection, chance)
                except psycopg.errors.UndefinedTable:
                    return
                except psycopg.Error as error:
                    self.failures.append(str(error))
                    return
                self.committed += 1

    def _write(self, connection: Connection, chance: random.Random) -> None:
        table = chance.choice(["a", "b"])
        other = "b" if table == "a" else "a"
        key = chance.choice([*self.books[table]])
        name, code = self.books[table][key]
        self.fresh += WRITERS
        new = self.fresh + self.number
        match chance.randint(0, 7):
            case 0:
                with self.booked(connection, {table: {key: (f"w{new}", code)}}):
                    connection.execute(f"UPDATE {table} SET name = 'w{new}' WHERE id = {key}".encode())
            case 1:
                with self.booked(connection, {table: {new: ("new", new)}}):
                    connection.execute(f"INSERT INTO {table} VALUES ({new}, 'new', {new})".encode())
            case 2:
                with self.booked(connection, {table: {key: None}}):
                    connection.execute(f"DELETE FROM {table} WHERE id = {key}".encode())
            case 3:
                upsert = f"INSERT INTO {table} VALUES ({key}, 'x', {new}) ON CONFLICT (id) DO UPDATE SET name = 'up'"
                with self.booked(connection, {table: {key: ("up", code)}}):
                    connection.execute(upsert.encode())
            case 4:
                with self.booked(connection, {table: {key: None, new: (name, code)}}):
                    connection.execute(f"UPDATE {table} SET id = {new} WHERE id = {key}".encode())
            case 5:
                with self.booked(connection, {table: {key: None}, other: {key: (name, code)}}):
                    connection.execute(f"DELETE FROM {table} WHERE id = {key}".encode())
                    connection.execute(f"INSERT INTO {other} VALUES ({key}, '{name}', {code})".encode())
            case 6:
                self._swap(connection, table, key, chance.choice([*self.books[table]]), new)
            case _:
                with connection.transaction(force_rollback=True):
                    connection.execute(f"DELETE FROM {table} WHERE id = {key}".encode())
                    connection.execute(f"INSERT INTO {other} VALUES ({new}, 'undone', {new})".encode())

    def _swap(self, connection: Connection, table: str, one: int, two: int, between: int) -> None:
        """Two rows change their unique values."""
        (name, code), (other_name, other_code) = self.books[table][one], self.books[table][two]
        with self.booked(connection, {table: {one: (name, other_code), two: (other_name, code)}}):
            for key, value in ((one, -between - 1_000), (two, code), (one, other_code)):
                connection.execute(f"UPDATE {table} SET code = {value} WHERE id = {key}".encode())

    @contextmanager
    def booked(self, connection: Connection, changes: Mapping[str, Mapping[int, Row | None]]) -> Iterator[None]:
        """In a transaction; the changes are in the book once it is committed."""
        with connection.transaction():
            yield
        for table, rows in changes.items():
            for key, row in rows.items():
                if row is None:
                    self.books[table].pop(key)
                else:
                    self.books[table][key] = row


def test_the_target_says_what_the_writers_committed(new_database: Callable[..., Database]) -> None:
    database, stop = new_database(TABLES), threading.Event()
    writers = [Writer(database.url, number, stop, books_of(database, number)) for number in range(WRITERS)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        cutting = staged(database, spec_text("things", "table: a", "table: b", more="batch_rows: 300"))
        window = cutting.cut(between_tries=time.sleep)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert [failure for writer in writers for failure in writer.failures] == []
    assert min(writer.committed for writer in writers) > 0
    assert window.replayed > 0
    said = [(key, *row) for writer in writers for book in writer.books.values() for key, row in book.items()]
    assert cutting.rows("SELECT id, name, code FROM things WHERE id > 0 ORDER BY id") == sorted(said)
    assert cutting.rows("SELECT count(*) FROM things WHERE id < 0 AND name = 'own'") == [(50,)]
    orphans = "SELECT count(*) FROM parts p WHERE NOT EXISTS (SELECT FROM things t WHERE t.id = p.a)"
    assert cutting.rows(orphans) == [(0,)]


def books_of(database: Database, number: int) -> dict[str, dict[int, Row]]:
    """What the sources hold under a writer's keys before it begins."""
    books: dict[str, dict[int, Row]] = {}
    for table in ("a", "b"):
        rows = database.rows(f"SELECT id, name, code FROM {table} WHERE id % {WRITERS} = {number}")
        books[table] = {int(str(id)): (str(name), int(str(code))) for id, name, code in rows}
    return books
