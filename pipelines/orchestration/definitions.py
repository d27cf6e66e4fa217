"""Everything that Dagster knows of one consolidation."""

from __future__ import annotations

import dagster as dg

from pipelines.core.spec import Spec
from pipelines.orchestration.assets import PREPARING, cut_over_asset, drop_asset, step_asset
from pipelines.orchestration.backup import backup_asset
from pipelines.orchestration.can_roll_back import can_roll_back_check
from pipelines.orchestration.jobs import asset_jobs
from pipelines.orchestration.keys import Job
from pipelines.orchestration.place import RESOURCE, place
from pipelines.orchestration.plan_asset import plan_asset
from pipelines.orchestration.rollback import rollback_job
from pipelines.orchestration.schedules import can_roll_back_schedule
from pipelines.orchestration.sensors import approved_sensor, failure_sensor, in_force_sensor
from pipelines.orchestration.verification import verify_asset


def build(name: str, spec: Spec) -> dg.Definitions:
    """Assets, checks, jobs, schedules and sensors of a consolidation; nothing outside is touched.

    No executor is given: a team's own definitions may have one, and two do not merge.
    """
    jobs = asset_jobs(name)
    return dg.Definitions(
        assets=[
            plan_asset(name, spec),
            *(step_asset(name, spec, asset) for asset in PREPARING),
            verify_asset(name, spec),
            cut_over_asset(name, spec),
            drop_asset(name, spec),
            backup_asset(name, spec),
        ],
        asset_checks=[can_roll_back_check(name)],
        jobs=[*jobs.values(), rollback_job(name)],
        schedules=[can_roll_back_schedule(name, jobs[Job.CAN_ROLL_BACK])],
        sensors=[approved_sensor(name, jobs[Job.FOLD], jobs[Job.DROP]), in_force_sensor(name), failure_sensor(name)],
        resources={RESOURCE: place},
    )
