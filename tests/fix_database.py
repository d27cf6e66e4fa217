"""Databases: empty, loaded from scripts, or with the sample tables."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from pipelines.database.embedded import EmbeddedServer
from pipelines.sample import sample_sql
from tests.databases import Database, Templates


@pytest.fixture(scope="session")
def templates(server: EmbeddedServer) -> Templates:
    """The session's template databases."""
    return Templates(server)


@pytest.fixture
def new_database(templates: Templates) -> Iterator[Callable[..., Database]]:
    """`new_database(script, ...)` makes a database loaded from psql scripts; dropped after the test."""
    with ExitStack() as stack:

        def make(*scripts: str) -> Database:
            return stack.enter_context(templates.clone(*scripts))

        yield make


@pytest.fixture
def database(templates: Templates) -> Iterator[Database]:
    """An empty database."""
    with templates.clone() as made:
        yield made


@pytest.fixture
def sample_database(templates: Templates) -> Iterator[Database]:
    """The first users' tables with their rows."""
    with templates.clone(*sample_sql()) as made:
        yield made
