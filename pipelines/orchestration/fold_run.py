"""Which run a fold needs, by where it stands and what was approved."""

from __future__ import annotations

from enum import StrEnum

from pipelines.core.spec import Spec
from pipelines.orchestration.approval import needs_confirmation
from pipelines.orchestration.keys import CUT_OVER, Job, asset_key, confirm_config, job_name, tags
from pipelines.orchestration.run_shell import Wanted
from pipelines.steps.standing import Standing


class Part(StrEnum):
    """How much of the way."""

    WHOLE = "whole"
    PREPARE = "prepare"  # to verify
    CUT_OVER = "cut_over"  # the last step alone


def fold_run(spec: Spec, standing: Standing, part: Part) -> Wanted:
    """The run; a cut-over that needs an approval is given the hash of the plan that was approved."""
    name = spec.name
    if part is Part.PREPARE:
        return Wanted(job_name(name, Job.PREPARE), {}, tags(name))
    run = standing.run
    confirmed = run is not None and needs_confirmation(spec, CUT_OVER)
    config = confirm_config(name, CUT_OVER, run.plan_hash) if run is not None and confirmed else {}
    assets = (asset_key(name, CUT_OVER),) if part is Part.CUT_OVER else ()
    return Wanted(job_name(name, Job.FOLD), config, tags(name), assets)
