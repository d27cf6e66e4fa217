"""The resource of every asset: where it works. The environment is read when a run begins, never on import."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import dagster as dg

from pipelines.orchestration.listening import tell
from pipelines.orchestration.workers import at_work
from pipelines.settings import Settings, read_settings
from pipelines.steps.opening import surroundings_of
from pipelines.steps.surroundings import Surroundings
from pipelines.watching import seen

RESOURCE = "pgfold"
NEEDED = frozenset({RESOURCE})


def settings_now() -> Settings:
    """What DATABASE_URL, TRACKING_SCHEMA and PGFOLD_HOME say now; without PGFOLD_HOME, the folder Dagster runs in."""
    return read_settings(os.environ, Path.cwd())


@dg.resource(description="The database: DATABASE_URL, else the embedded server of PGFOLD_HOME. Also the backup folder.")
def place(context: dg.InitResourceContext) -> Iterator[Surroundings]:
    """Surroundings for as long as the run (or, with another executor, its step) lasts."""
    run_id = context.run.run_id if context.run else None
    with seen(), _worker(context.instance, run_id), surroundings_of(settings_now(), tell) as surroundings:
        yield replace(surroundings, dagster_run_id=run_id)


def _worker(instance: dg.DagsterInstance | None, run_id: str | None) -> AbstractContextManager[None]:
    return at_work(instance, run_id) if instance and run_id else nullcontext()


@contextmanager
def ledger_surroundings() -> Iterator[Surroundings | None]:
    """For a sensor's short look; None where the embedded server is not running, which a look must not start."""
    settings = settings_now()
    running = settings.database_url is not None or (settings.embedded / "data" / "postmaster.pid").exists()
    if not running:
        yield None
        return
    with surroundings_of(settings) as surroundings:
        yield surroundings
