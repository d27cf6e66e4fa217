"""Running a job in this process as a run that the UI shows and can execute again.

Every private name of Dagster that pgfold uses is imported here and nowhere else. `execute_in_process` leaves a run
without an origin, and the UI refuses to execute such a run again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.events import RunFailureReason
from dagster._core.execution.api import execute_run
from dagster._core.origin import JobPythonOrigin
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._utils.interrupts import raise_interrupts_as

AssetJob = UnresolvedAssetJobDefinition  # what define_asset_job gives

MODULE, ATTRIBUTE, LOCATION = "pipelines.definitions", "definitions", "pgfold"
_REPOSITORY = "__repository__"  # what Dagster calls the definitions of a module


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job, or some of its assets, with its run configuration and tags."""

    job: str
    config: Mapping[str, object]
    tags: Mapping[str, str]
    assets: Sequence[dg.AssetKey] = ()


def create_run(instance: dg.DagsterInstance, wanted: Wanted) -> dg.DagsterRun:
    """Write the run down, as the UI would have launched it from the code location `pgfold`.

    Specs are read anew: one may have changed since this process launched another run.
    """
    ReconstructableJob.get_repository_definition.cache_clear()
    ReconstructableJob.get_definition.cache_clear()
    job = _job(wanted.job)
    return instance.create_run_for_job(
        job_def=job.get_definition(),
        run_config=dict(wanted.config),
        tags=dict(wanted.tags),
        asset_selection=set(wanted.assets) or None,
        remote_job_origin=_remote_origin(wanted.job),
        job_code_origin=_code_origin(job),
    )


def execute(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Run it here until it ends; whether it succeeded.

    Raises:
        KeyboardInterrupt: somebody stopped it, also between two steps, where Dagster only takes note of it.
    """
    result = execute_run(_job(run.job_name), run, instance)
    if any(_was_stopped(event) for event in result.all_events):
        raise KeyboardInterrupt
    return bool(result.success)


def _was_stopped(event: dg.DagsterEvent) -> bool:
    return event.is_job_failure and event.job_failure_data.failure_reason is RunFailureReason.UNEXPECTED_TERMINATION


def raise_keyboard_interrupts() -> AbstractContextManager[None]:
    """While inside, an interrupt is raised at once, as Python does, and not when Dagster looks for it."""
    return raise_interrupts_as(KeyboardInterrupt)


def _job(name: str) -> ReconstructableJob:
    repository = ReconstructableRepository.for_module(MODULE, ATTRIBUTE, working_directory=None)
    return repository.get_reconstructable_job(name)


def _code_origin(job: ReconstructableJob) -> JobPythonOrigin:
    return job.get_python_origin()


def _remote_origin(job: str) -> RemoteJobOrigin:
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=MODULE)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, location_name=LOCATION)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, _REPOSITORY), job)


@contextmanager
def instance_of(home: Path) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance whose folder is `home`, which holds its dagster.yaml."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance
