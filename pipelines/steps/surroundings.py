"""What an entry point brings: which database, where backups go, the clock, ids, who asks and who listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pipelines.database.connection import Connection, become_replica, connect
from pipelines.steps.session import Progress, Session


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything from outside, read once where a command or a Dagster run begins."""

    database_url: str
    backups: Path
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    wait: Callable[[float], None]
    tell: Callable[[Progress], None]
    person: str
    tracking_schema: str = "public"
    dagster_run_id: str | None = None

    def connect(self, name: str) -> Connection:
        """A connection under the fixed settings; `name` is shown to whoever looks at pg_stat_activity."""
        return connect(self.database_url, application_name=f"pgfold {name}")

    def session(self, connection: Connection, name: str, run: UUID) -> Session:
        """A session on it, in the replica role; so are the further ones it opens."""
        _prepare(connection)

        def open_connection() -> Connection:
            further = self.connect(name)
            _prepare(further)
            return further

        return Session(connection, open_connection, run, self.tell, self.now, self.wait)


def _prepare(connection: Connection) -> None:
    """For writing many rows. A commit that a crash loses is one that its checkpoint loses too."""
    become_replica(connection)
    connection.execute("SET work_mem TO '64MB'; SET maintenance_work_mem TO '256MB'")
