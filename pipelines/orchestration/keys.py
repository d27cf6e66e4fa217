"""What Dagster calls things: assets, ops and jobs bear their consolidation's name, so that several live together."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import dagster as dg

from pipelines.steps.sequence import STEPS

CONSOLIDATION_TAG = "pgfold/consolidation"
BACKUP = "backup"
CUT_OVER, DROP, PLAN, VERIFY = "cut_over", "drop", "plan", "verify"
IN_FORCE, CAN_ROLL_BACK = "in_force", "can_roll_back"


class Job(StrEnum):
    """The jobs of a consolidation."""

    FOLD = "fold"  # plan to cut_over
    PREPARE = "prepare"  # plan to verify
    CHECKS = "checks"
    BACKUP = "backup"
    DROP = "drop"
    ROLLBACK = "rollback"
    CAN_ROLL_BACK = "can_roll_back"


def asset_key(name: str, step: str) -> dg.AssetKey:
    """The key of one step's asset."""
    return dg.AssetKey([name, step])


def op_name(name: str, step: str) -> str:
    """The op behind an asset: what run configuration is written for."""
    return f"{name}__{step}"


def job_name(name: str, job: Job) -> str:
    """`issues_fold`."""
    return f"{name}_{job}"


def tags(name: str) -> dict[str, str]:
    """What every run of a consolidation is tagged with: the queue holds those with the same value apart."""
    return {CONSOLIDATION_TAG: name}


def steps_until(last: str) -> tuple[str, ...]:
    """The steps in order, up to and with `last`."""
    return STEPS[: STEPS.index(last) + 1]


def step_before(step: str) -> str:
    """The step that a step follows; the plan follows none."""
    return STEPS[STEPS.index(step) - 1]


def confirm_config(name: str, step: str, plan_hash: str) -> Mapping[str, object]:
    """Run configuration that confirms a plan for a step."""
    return {"ops": {op_name(name, step): {"config": {"confirm": plan_hash}}}}
