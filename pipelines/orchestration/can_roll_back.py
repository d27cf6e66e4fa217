"""The check `can_roll_back` on cut_over: the way back, computed and not taken, with the rows that block it."""

import dagster as dg

from pipelines.core.reconciliation import Verdict
from pipelines.core.undo_text import undo_lines
from pipelines.orchestration.failures import failures_told, findings_table
from pipelines.orchestration.keys import CAN_ROLL_BACK, CUT_OVER, asset_key
from pipelines.orchestration.listening import tell
from pipelines.orchestration.metadata import Metadata, table
from pipelines.orchestration.place import NEEDED, RESOURCE
from pipelines.steps import workflow
from pipelines.steps.surroundings import Surroundings


def can_roll_back_check(name: str) -> dg.AssetChecksDefinition:
    """Runs after each fold and every day; a fold that cannot be undone now is a warning, not a failure."""

    @dg.asset_check(
        asset=asset_key(name, CUT_OVER),
        name=CAN_ROLL_BACK,
        blocking=False,
        description="Could the fold be undone now? Each row that stands in the way is named; nothing is changed.",
        required_resource_keys=set(NEEDED),
    )
    def can_roll_back(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        surroundings: Surroundings = getattr(context.resources, RESOURCE)
        with failures_told(surroundings, name, CAN_ROLL_BACK):
            verdict = workflow.reconcile(surroundings, name)
        tell(verdict)
        return dg.AssetCheckResult(
            passed=verdict.can_be_undone,
            severity=dg.AssetCheckSeverity.WARN,
            description="\n".join(undo_lines(name, verdict)),
            metadata=verdict_metadata(verdict),
        )

    return can_roll_back


def verdict_metadata(verdict: Verdict) -> Metadata:
    """The counts, and as tables what blocks and what was edited."""
    blocked = [(str(row.table), ", ".join(row.key), row.reason, row.remedy) for row in verdict.blocked]
    edited = [(str(each.table), each.column, each.rows) for each in verdict.edited]
    return {
        "unchanged": dg.MetadataValue.int(verdict.unchanged),
        "edited": dg.MetadataValue.int(verdict.edited_rows),
        "deleted": dg.MetadataValue.int(verdict.deleted),
        "in the way": dg.MetadataValue.int(verdict.blocked_rows),
        "rows in the way": table({"table": "string", "row": "string", "why": "string", "remedy": "string"}, blocked),
        "edited columns": table({"table": "string", "column": "string", "rows": "int"}, edited),
        "findings": findings_table(verdict.findings),
    }
