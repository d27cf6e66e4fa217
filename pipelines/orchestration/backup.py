"""A backup on its own, as an asset that Dagster calls late when it is old."""

from datetime import timedelta

import dagster as dg

from pipelines.core.spec import Spec
from pipelines.orchestration.failures import failures_told
from pipelines.orchestration.keys import BACKUP, asset_key
from pipelines.orchestration.listening import tell
from pipelines.orchestration.metadata import Materialized, outcome_metadata
from pipelines.orchestration.place import NEEDED, RESOURCE
from pipelines.steps import workflow

LATE, TOO_LATE = timedelta(hours=26), timedelta(hours=50)  # a day, and two hours for the backup itself


def backup_asset(name: str, spec: Spec) -> dg.AssetsDefinition:
    """Every table of the consolidation, whether it is folded or not."""

    @dg.asset(
        key=asset_key(name, BACKUP),
        group_name=name,
        kinds={"postgres"},
        description="One snapshot of every table of the consolidation, on its own; late after a day.",
        required_resource_keys=set(NEEDED),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=TOO_LATE, warn_window=LATE),
    )
    def backup(context: dg.AssetExecutionContext) -> Materialized:
        with failures_told(getattr(context.resources, RESOURCE), name, BACKUP):
            outcome = workflow.backup(getattr(context.resources, RESOURCE), spec)
            made = outcome_metadata(outcome)
        tell(outcome)
        return dg.MaterializeResult(metadata=made)

    return backup
