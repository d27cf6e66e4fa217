"""Launching from the command line: a run in this process that the UI shows, with somebody who listens."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pipelines.orchestration.home import environment_of, prepare_home
from pipelines.orchestration.listening import Listener, listening
from pipelines.orchestration.run_shell import Wanted, create_run, execute, instance_of
from pipelines.orchestration.workers import at_work, fail_abandoned_runs
from pipelines.settings import Settings


@dataclass(frozen=True, slots=True)
class Launched:
    """How a run ended; `run_id` is Dagster's."""

    run_id: str
    succeeded: bool


def launch(settings: Settings, wanted: Wanted, listener: Listener) -> Launched:
    """Run it until it ends. The environment is set to `settings`, for the run's resources read it."""
    os.environ.update(environment_of(settings, {}))
    with instance_of(prepare_home(settings)) as instance:
        fail_abandoned_runs(instance)
        run = create_run(instance, wanted)
        with at_work(instance, run.run_id), listening(listener):
            return Launched(run.run_id, execute(instance, run))
