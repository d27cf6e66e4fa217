"""Schedules: what is asked again every day while a fold is in force."""

import dagster as dg

from pipelines.orchestration.place import ledger_surroundings
from pipelines.orchestration.run_shell import AssetJob
from pipelines.steps.standing import find_standing

DAILY = "0 6 * * *"  # UTC: before people come to work


def can_roll_back_schedule(name: str, job: AssetJob) -> dg.ScheduleDefinition:
    """Whether the fold could be undone is known before anybody needs to undo it."""

    @dg.schedule(
        job=job,
        cron_schedule=DAILY,
        name=f"{name}_can_roll_back",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Asks every day whether {name} could be rolled back, while it is in force.",
    )
    def can_roll_back(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        with ledger_surroundings() as surroundings:
            if surroundings is None or not find_standing(surroundings, name).state.in_force:
                return dg.SkipReason(f"{name} is not in force")
        return dg.RunRequest()

    return can_roll_back
