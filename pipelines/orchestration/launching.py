"""Launching from the command line: a run in this process that the UI shows, with somebody who listens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path

from pipelines.orchestration.home import environment_of, prepare_home
from pipelines.orchestration.known_specs import remember_spec
from pipelines.orchestration.listening import Listener, listening
from pipelines.orchestration.run_shell import Wanted, create_run, execute, instance_of
from pipelines.orchestration.workers import at_work, fail_abandoned_runs
from pipelines.settings import Settings


@dataclass(frozen=True, slots=True)
class Launched:
    """How a run ended; `run_id` is Dagster's, `log` the file with all that it said."""

    run_id: str
    succeeded: bool
    log: Path


def launch(settings: Settings, wanted: Wanted, listener: Listener, spec_file: Path) -> Launched:
    """Run it until it ends; what Dagster logs goes to a file of its home.

    The environment is set to `settings`, for the run's resources read it.
    """
    os.environ.update(environment_of(settings, {}))
    home = prepare_home(settings)
    remember_spec(home, spec_file)
    log = home / "run.log"
    with _written_to(log), instance_of(home) as instance:
        fail_abandoned_runs(instance)
        run = create_run(instance, wanted)
        with at_work(instance, run.run_id), listening(listener):
            return Launched(run.run_id, execute(instance, run), log)


@contextmanager
def _written_to(file: Path) -> Iterator[None]:
    """Dagster logs every event to standard error; a person is told in fewer words."""
    with file.open("w", encoding="utf-8") as log, redirect_stderr(log):
        yield
