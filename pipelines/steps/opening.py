"""Opening the place where steps work: the database of the settings, or the embedded server while it is needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from pipelines.settings import Settings
from pipelines.steps.session import Progress
from pipelines.steps.surroundings import Surroundings


@contextmanager
def surroundings_of(settings: Settings, tell: Callable[[Progress], None] = lambda _: None) -> Iterator[Surroundings]:
    """The database of the settings; where none is named, the embedded server runs as long as the caller is inside."""
    if settings.database_url is not None:
        yield _surroundings(settings, settings.database_url, tell)
        return
    from pipelines.database.embedded import embedded_server

    with embedded_server(settings.embedded) as server:
        yield _surroundings(settings, server.url, tell)


def _surroundings(settings: Settings, url: str, tell: Callable[[Progress], None]) -> Surroundings:
    return Surroundings(
        database_url=url,
        backups=settings.backups,
        now=lambda: datetime.now(UTC),
        new_id=uuid4,
        wait=time.sleep,
        tell=tell,
        person=settings.person,
        tracking_schema=settings.tracking_schema,
    )
