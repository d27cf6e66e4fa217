"""The assets of a consolidation that do its steps; `plan` and `verify` have modules of their own."""

from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg

from pipelines.core.spec import Spec
from pipelines.orchestration.approval import approve_confirmed, confirm_schema
from pipelines.orchestration.failures import failures_told
from pipelines.orchestration.in_force import in_force_result, in_force_spec
from pipelines.orchestration.keys import CUT_OVER, DROP, asset_key, step_before
from pipelines.orchestration.listening import tell
from pipelines.orchestration.metadata import Materialized, outcome_metadata
from pipelines.orchestration.place import NEEDED, RESOURCE
from pipelines.steps import workflow
from pipelines.steps.outcome import Outcome
from pipelines.steps.standing import find_standing
from pipelines.steps.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class StepAsset:
    """A step as an asset: its name, what it says of itself, and what it does."""

    step: str
    description: str
    work: Callable[[Surroundings, Spec], Outcome]


PREPARING = (
    StepAsset(
        "export",
        "One snapshot of every table concerned, as JSON Lines with a manifest and a script that leads back.",
        workflow.export,
    ),
    StepAsset(
        "add_columns",
        "The target's new columns, and change capture on the sources: from here on no write is missed.",
        lambda surroundings, spec: workflow.add(surroundings, spec.name),
    ),
    StepAsset(
        "map_fields",
        "Every row mapped, batch by batch, into staging tables that no application sees.",
        lambda surroundings, spec: workflow.stage(surroundings, spec.name),
    ),
)


def step_asset(name: str, spec: Spec, asset: StepAsset) -> dg.AssetsDefinition:
    """An asset that does its step, going on where the run stands."""

    @dg.asset(
        key=asset_key(name, asset.step),
        deps=[asset_key(name, step_before(asset.step))],
        group_name=name,
        kinds={"postgres"},
        description=asset.description,
        required_resource_keys=set(NEEDED),
    )
    def do_step(context: dg.AssetExecutionContext) -> Materialized:
        surroundings: Surroundings = getattr(context.resources, RESOURCE)
        with failures_told(surroundings, name, asset.step):
            outcome = asset.work(surroundings, spec)
            made = outcome_metadata(outcome)
        tell(outcome)
        return dg.MaterializeResult(metadata=made)

    return do_step


def cut_over_asset(name: str, spec: Spec) -> dg.AssetsDefinition:
    """The sources leave and the target takes their place; its check `in_force` turns red at a rollback."""

    @dg.asset(
        key=asset_key(name, CUT_OVER),
        deps=[asset_key(name, step_before(CUT_OVER))],
        check_specs=[in_force_spec(name)],
        group_name=name,
        kinds={"postgres"},
        description="The sources leave, the target takes their place, in one transaction; then the archive is sealed.",
        required_resource_keys=set(NEEDED),
        config_schema=confirm_schema(spec, CUT_OVER),
    )
    def cut_over(context: dg.AssetExecutionContext) -> Materialized:
        surroundings: Surroundings = getattr(context.resources, RESOURCE)
        with failures_told(surroundings, name, CUT_OVER):
            approve_confirmed(surroundings, name, CUT_OVER, context.op_execution_context.op_config)
            outcome = workflow.cut(surroundings, name)
            check = in_force_result(find_standing(surroundings, name).state)
            made = outcome_metadata(outcome)
        tell(outcome)
        return dg.MaterializeResult(metadata=made, check_results=[check])

    return cut_over


def drop_asset(name: str, spec: Spec) -> dg.AssetsDefinition:
    """The archived tables go, after the grace period, a person's yes and a drill of the sealed backup."""

    @dg.asset(
        key=asset_key(name, DROP),
        deps=[asset_key(name, step_before(DROP))],
        group_name=name,
        kinds={"postgres"},
        description="Drills the sealed backup, then drops the archived tables. Can still be undone, from the backup.",
        required_resource_keys=set(NEEDED),
        config_schema=confirm_schema(spec, DROP),
    )
    def drop(context: dg.AssetExecutionContext) -> Materialized:
        surroundings: Surroundings = getattr(context.resources, RESOURCE)
        config = context.op_execution_context.op_config
        with failures_told(surroundings, name, DROP):
            approve_confirmed(surroundings, name, DROP, config)
            outcome = workflow.drop(surroundings, name, now=bool(config.get("now")))
            made = outcome_metadata(outcome)
        tell(outcome)
        return dg.MaterializeResult(metadata=made)

    return drop
