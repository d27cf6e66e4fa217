"""Monitoring in the test's own process, and the ingest server that it sends to."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import monitoring
from monitoring.settings import Settings
from tests.ingest import Ingest


@pytest.fixture
def ingest() -> Iterator[Ingest]:
    """An /ingest that keeps what it is sent."""
    server = Ingest()
    server.listen()
    yield server
    server.break_off()


@pytest.fixture
def monitoring_settings(ingest: Ingest, tmp_path: Path) -> Settings:
    """Settings that send to it, at the rates that applications have."""
    return Settings(ingest_url=ingest.url, spool=tmp_path / "spool")


@pytest.fixture
def monitored(ingest: Ingest, monitoring_settings: Settings) -> Iterator[Callable[[], Ingest]]:
    """Monitoring runs; `monitored()` waits until all is stored and gives the server."""
    monitoring.start("test", instance="test-1", settings=monitoring_settings)

    def settled() -> Ingest:
        assert monitoring.flush(5)
        return ingest

    yield settled
    monitoring.stop(1)
