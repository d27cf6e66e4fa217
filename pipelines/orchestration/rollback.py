"""The way back as a job of its own: as an asset it would run with 'Materialize all'."""

import dagster as dg
from pydantic import Field

from pipelines.core.reconciliation import RollbackOptions
from pipelines.orchestration.failures import failures_told
from pipelines.orchestration.in_force import in_force_evaluation
from pipelines.orchestration.keys import Job, job_name, op_name, tags
from pipelines.orchestration.listening import tell
from pipelines.orchestration.metadata import outcome_metadata
from pipelines.orchestration.place import NEEDED, RESOURCE
from pipelines.steps import workflow
from pipelines.steps.standing import find_standing
from pipelines.steps.surroundings import Surroundings


class RollbackConfig(dg.Config):
    """What a person may ask of a rollback; nothing of it is needed where nothing stands in the way."""

    set_aside: bool = Field(False, description="Keep rows that cannot go home for the next fold.")
    accept_deletes: bool = Field(False, description="Many rows were deleted on purpose.")
    to_backup: bool = Field(False, description="Exactly the rows at the cut-over; later edits are saved beside it.")


def rollback_job(name: str) -> dg.JobDefinition:
    """`issues_rollback`: one op, which turns the check in_force red."""

    @dg.op(
        name=op_name(name, Job.ROLLBACK),
        required_resource_keys=set(NEEDED),
        description="Every row goes home, with the edits made since.",
    )
    def rollback(context: dg.OpExecutionContext, config: RollbackConfig) -> None:
        surroundings: Surroundings = getattr(context.resources, RESOURCE)
        with failures_told(surroundings, name, Job.ROLLBACK):
            outcome = workflow.rollback(surroundings, name, RollbackOptions(**config.model_dump()))
            state = find_standing(surroundings, name).state
        tell(outcome)
        context.add_output_metadata(outcome_metadata(outcome))
        context.instance.report_runless_asset_event(in_force_evaluation(state))

    @dg.job(
        name=job_name(name, Job.ROLLBACK),
        tags=tags(name),
        executor_def=dg.in_process_executor,
        description=f"Unfolds {name}, with later edits kept; from any point, also after the drop.",
    )
    def rollback_of() -> None:
        rollback()

    return rollback_of
