"""Databases for tests: each test gets its own, cloned from a template that is loaded once a session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count

import psycopg
from psycopg import sql

from pipelines.database.connection import Connection
from pipelines.database.connection import connect as connect_with_settings
from pipelines.database.embedded import EmbeddedServer
from pipelines.database.programs import ProgramName, find_program, run_program


@dataclass(frozen=True, slots=True)
class Database:
    """One test's database."""

    name: str
    url: str

    def connect(self) -> Connection:
        """A session as an application opens it: autocommit, the server's default settings."""
        return psycopg.connect(self.url, autocommit=True)

    def connect_as_pgfold(self) -> Connection:
        """A session with pgfold's own settings."""
        return connect_with_settings(self.url)

    def run(self, statements: str) -> None:
        """Run statements as an application would."""
        with self.connect() as connection:
            connection.execute(statements.encode())

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """The rows of a query."""
        with self.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    def value(self, query: str) -> object:
        """The one value of a query's only row."""
        ((value,),) = self.rows(query)
        return value


@dataclass(slots=True)
class Templates:
    """The template databases of a server, by the SQL that they were loaded from."""

    server: EmbeddedServer
    _numbers: Iterator[int] = field(default_factory=count)
    _loaded: set[str] = field(default_factory=set)

    @contextmanager
    def clone(self, *scripts: str) -> Iterator[Database]:
        """A database loaded from these psql scripts, in order; dropped afterwards, whoever is still connected."""
        with self._copy(self._template(scripts)) as made:
            yield made

    @contextmanager
    def copy(self, database: Database) -> Iterator[Database]:
        """The same again, as it is now; nobody may be connected to it."""
        with self._copy(database.name) as made:
            yield made

    @contextmanager
    def _copy(self, template: str) -> Iterator[Database]:
        name = f"test_{next(self._numbers)}"
        self._administer(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"), name, template)
        try:
            yield Database(name, self.server.database_url(name))
        finally:
            self._administer(sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)

    def _template(self, scripts: tuple[str, ...]) -> str:
        if not scripts:
            return "template1"
        name = f"template_{sha256(chr(0).join(scripts).encode()).hexdigest()[:16]}"
        if name not in self._loaded:
            self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), name)
            self._administer(sql.SQL("CREATE DATABASE {} STRATEGY file_copy"), name)
            for script in scripts:
                run_script(self.server.database_url(name), script)
            self._loaded.add(name)
        return name

    def _administer(self, statement: sql.SQL, *names: str) -> None:
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(statement.format(*map(sql.Identifier, names)))


def run_script(url: str, script: str) -> None:
    """Run a script with psql, as a person would: it stops at the first error."""
    psql = find_program(ProgramName.PSQL, 180000)
    run_program(psql, url, ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"], script=script)
