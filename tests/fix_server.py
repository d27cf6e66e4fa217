"""The PostgreSQL server of a test session."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.database.embedded import EmbeddedServer, embedded_server

# Autovacuum would hold a template database open while a test clones it.
_SETTINGS = {"autovacuum": "off", "max_wal_size": "4GB", "checkpoint_timeout": "1h", "max_connections": "200"}


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """One server for the whole session (each xdist worker has its own); nothing on it survives."""
    with _server_folder() as name, embedded_server(Path(name), durable=False, settings=_SETTINGS) as running:
        yield running


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for a server of the test's own, to start, kill and stop."""
    with _server_folder() as name:
        yield Path(name)


def _server_folder() -> tempfile.TemporaryDirectory[str]:
    """Not pytest's tmp_path: each session closes its root to other accounts, and root's server runs as another one."""
    return tempfile.TemporaryDirectory(prefix="pgfold-test-")
