"""The `pgfold` command on a shop of a test's own, with a password in its URL that must never be seen."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from shutil import copytree
from unittest import mock
from urllib.parse import urlsplit

import pytest

from pipelines.cli import main
from pipelines.settings import Settings
from tests.databases import Database
from tests.driving import Driver
from tests.dump import dump
from tests.fix_dagster import Shop

PASSWORD = "s3cret-Pa55word"


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended: its exit status, and what it wrote."""

    status: int
    output: str
    errors: str

    @property
    def said(self) -> str:
        """All of it."""
        return self.output + self.errors


def command(settings: Settings, *arguments: str, folder: Path | None = None, **environment: str) -> Ended:
    """`pgfold` with these arguments in this process; the environment is as it was afterwards.

    Whatever it says, no traceback and no password may be in it.
    """
    own = {"PGFOLD_HOME": str(settings.folder), "TRACKING_SCHEMA": settings.tracking_schema, "USER": settings.person}
    own |= {"DATABASE_URL": settings.database_url} if settings.database_url else {}
    sys.modules.pop("pipelines.definitions", None)  # a process of its own would read the specs anew
    with (
        mock.patch.dict(os.environ, {**own, **environment}),
        chdir(folder or settings.folder),
        redirect_stdout(StringIO()) as output,
        redirect_stderr(StringIO()) as errors,
    ):
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = int(str(ended.code or 0))
    said = output.getvalue() + errors.getvalue()
    assert "Traceback" not in said, said
    assert PASSWORD not in said, said
    return Ended(status, output.getvalue(), errors.getvalue())


@dataclass(frozen=True, slots=True)
class Counter:
    """A shop and its command."""

    shop: Shop

    @property
    def database(self) -> Database:
        """The shop's own."""
        return self.shop.database

    @property
    def folder(self) -> Path:
        """Where the command works."""
        return self.shop.folder

    def command(self, *arguments: str, settings: Settings | None = None, **environment: str) -> Ended:
        """`pgfold` with these arguments, in the shop's folder."""
        return command(settings or self.shop.settings, *arguments, folder=self.folder, **environment)

    def done(self, *arguments: str) -> str:
        """The same, which must end well; what it wrote."""
        ended = self.command(*arguments)
        assert (ended.status, ended.errors) == (0, ""), ended.said
        return ended.output

    def fold(self) -> None:
        """Plan to cut-over, without Dagster."""
        with self.shop.surroundings() as surroundings:
            Driver(surroundings, self.shop.spec).fold()

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """What is done inside must change nothing, in the shop's tables and in what pgfold itself keeps."""
        before = dump(self.database, with_own=True)
        yield
        assert dump(self.database, with_own=True) == before

    def leaks(self) -> list[str]:
        """The files below the folder, and the relations of the database, in which the password can be read."""
        secret = PASSWORD.encode()
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        found = [str(path) for path in files if secret in path.read_bytes()]
        return [*found, *(["the database"] if PASSWORD in dump(self.database, with_own=True) else [])]


def with_password(url: str) -> str:
    """The URL with a password; the test server asks nobody for one."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{PASSWORD}{at}{place}").geturl()


@pytest.fixture
def new_counter(database: Database, tmp_path: Path, empty_home: Path) -> Callable[..., Counter]:
    """`new_counter(approval=...)`: a shop with tables, a spec, and a secret URL."""

    def make(approval: str = "drop", name: str = "orders") -> Counter:
        shop = Shop(name, Database(database.name, with_password(database.url)), tmp_path, approval)
        shop.write_spec()
        database.run(shop.tables)
        copytree(empty_home, shop.settings.dagster_home)
        return Counter(shop)

    return make


@pytest.fixture
def counter(new_counter: Callable[..., Counter]) -> Counter:
    """A shop that is not folded yet."""
    return new_counter()
