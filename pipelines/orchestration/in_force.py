"""The check `in_force` on cut_over: green while the target stands in the sources' place, red after a rollback."""

from __future__ import annotations

import dagster as dg

from pipelines.core.ledger_rows import FoldStanding, FoldState
from pipelines.orchestration.keys import CUT_OVER, IN_FORCE, asset_key

# A warning would leave the asset's node green.
SEVERITY = dg.AssetCheckSeverity.ERROR


def in_force_spec(name: str) -> dg.AssetCheckSpec:
    """The check as Dagster knows it; what changes its answer reports it, so it never runs by itself."""
    return dg.AssetCheckSpec(
        IN_FORCE, asset=asset_key(name, CUT_OVER), description="Does the target stand in the place of the sources?"
    )


def in_force_result(state: FoldState) -> dg.AssetCheckResult:
    """The answer of the run that cut over."""
    return dg.AssetCheckResult(
        check_name=IN_FORCE, passed=state.in_force, severity=SEVERITY, description=sentence(state)
    )


def in_force_evaluation(state: FoldState) -> dg.AssetCheckEvaluation:
    """The same answer, from outside a run of the asset."""
    return dg.AssetCheckEvaluation(
        asset_key=asset_key(state.name, CUT_OVER),
        check_name=IN_FORCE,
        passed=state.in_force,
        severity=SEVERITY,
        description=sentence(state),
        metadata={},
    )


def sentence(state: FoldState) -> str:
    """What a person reads on the check's page."""
    match state.standing:
        case FoldStanding.FOLDED:
            return f"Folded since {state.cut_over_at:%Y-%m-%d %H:%M} UTC: {state.target} stands in the sources' place."
        case FoldStanding.DROPPED:
            return f"Folded, and the archived tables are dropped: {state.target} stands in the sources' place."
        case FoldStanding.ROLLED_BACK:
            return "Rolled back: every source is in its own place again."
        case FoldStanding.NONE | FoldStanding.FOLDING:
            return "Not folded: every source is in its own place."
