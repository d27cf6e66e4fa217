"""The steps of a run in the ledger, and how far each is."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from pipelines.core.ledger_rows import Facts, StepRecord
from pipelines.database.connection import Connection
from pipelines.database.ledger_reading import block, change, change_one, read_rows

_FILE = "ledger_steps.sql"


def start_step(connection: Connection, run: UUID, name: str, at: datetime, *, rows_total: int | None = None) -> None:
    """A step begins; one that a killed run left begins again, with its progress kept."""
    change(connection, block(_FILE, "start"), run=run, name=name, at=at, rows_total=rows_total)


def finish_step(connection: Connection, run: UUID, name: str, at: datetime, facts: Facts) -> None:
    """The step is done, and `facts` are what a person should know of it.

    Raises:
        StateUnknown: the step was not started.
    """
    _change_step(connection, "finish", run, name, at=at, facts=Jsonb(dict(facts)))


def fail_step(connection: Connection, run: UUID, name: str, message: str, at: datetime) -> None:
    """The step stopped.

    Raises:
        StateUnknown: the step was not started.
    """
    _change_step(connection, "fail", run, name, message=message, at=at)


def report_progress(
    connection: Connection, run: UUID, name: str, rows_done: int, rows_total: int | None = None
) -> None:
    """How far the step is; a total of None leaves the one that is known.

    Raises:
        StateUnknown: the step was not started.
    """
    _change_step(connection, "progress", run, name, rows_done=rows_done, rows_total=rows_total)


def steps_of(connection: Connection, run: UUID) -> tuple[StepRecord, ...]:
    """The steps of a run, in the order they began."""
    return read_rows(connection, StepRecord, block(_FILE, "of_run"), run=run)


def _change_step(connection: Connection, block_name: str, run: UUID, name: str, **parameters: object) -> None:
    change_one(connection, f"step {name} of run {run}", block(_FILE, block_name), run=run, name=name, **parameters)
