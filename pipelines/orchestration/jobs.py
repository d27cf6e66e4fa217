"""The jobs of a consolidation, each a selection of its assets and checks."""

import dagster as dg

from pipelines.orchestration.keys import (
    BACKUP,
    CAN_ROLL_BACK,
    CUT_OVER,
    DROP,
    VERIFY,
    Job,
    asset_key,
    job_name,
    steps_until,
    tags,
)
from pipelines.orchestration.run_shell import AssetJob

_WHAT = {
    Job.FOLD: "Folds: from the plan to the cut-over. A run that was stopped goes on where it was.",
    Job.PREPARE: "Everything that can be done beforehand: from the plan to the proof. The application sees nothing.",
    Job.CHECKS: "The checks of verify alone, now.",
    Job.BACKUP: "A backup on its own.",
    Job.DROP: "Drops the archived tables, after the grace period and a person's yes.",
    Job.CAN_ROLL_BACK: "Whether the fold could be undone now, and what stands in the way. Changes nothing.",
}


def asset_jobs(name: str) -> dict[Job, AssetJob]:
    """Every job but the rollback, which is no asset: else it would run with 'Materialize all'."""
    selections = {
        Job.FOLD: _assets(name, *steps_until(CUT_OVER)),
        Job.PREPARE: _assets(name, *steps_until(VERIFY)),
        Job.CHECKS: dg.AssetSelection.checks_for_assets(asset_key(name, VERIFY)),
        Job.BACKUP: _assets(name, BACKUP),
        Job.DROP: _assets(name, DROP),
        Job.CAN_ROLL_BACK: dg.AssetSelection.checks(dg.AssetCheckKey(asset_key(name, CUT_OVER), CAN_ROLL_BACK)),
    }
    return {job: _job(name, job, selection) for job, selection in selections.items()}


def _assets(name: str, *steps: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*(asset_key(name, step) for step in steps))


def _job(name: str, job: Job, selection: dg.AssetSelection) -> AssetJob:
    return dg.define_asset_job(
        job_name(name, job),
        selection,
        description=_WHAT[job],
        tags=tags(name),
        # one process: six steps in 3 s instead of 20 s
        executor_def=dg.in_process_executor,
    )
