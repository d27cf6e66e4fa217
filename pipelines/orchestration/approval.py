"""A person's yes to a step, given as its run configuration: the hash of the plan that it is a yes to."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

import dagster as dg

from pipelines.core.errors import ApprovalNeeded, Refused
from pipelines.core.plan import HASH_SHOWN
from pipelines.core.spec import Approval, Spec
from pipelines.database import approvals
from pipelines.orchestration.keys import DROP
from pipelines.steps.standing import needs_approval, read_standing
from pipelines.steps.surroundings import Surroundings
from pipelines.watching import wait_for_person

CONFIRM, NOW = "confirm", "now"

_CONFIRM = dg.Field(
    str,
    description=(
        "Your yes to this step: the hash of the plan, as the plan asset shows it; its first six characters are enough."
        " Required, so that 'Materialize all' can do nothing by accident."
    ),
)
_NOW = dg.Field(bool, default_value=False, is_required=False, description="Before the grace period ends.")


def confirm_schema(spec: Spec, step: str) -> dict[str, dg.Field]:
    """The configuration of a step that may need an approval; empty where it needs none."""
    confirmed = {CONFIRM: _CONFIRM} if needs_confirmation(spec, step) else {}
    return {**confirmed, **({NOW: _NOW} if step == DROP else {})}


def needs_confirmation(spec: Spec, step: str) -> bool:
    """Drop always, unless the spec wants no approval at all; any other step where the spec names it."""
    return needs_approval(spec, step) or (step == DROP and spec.approval is not Approval.NONE)


def approve_confirmed(surroundings: Surroundings, name: str, step: str, config: Mapping[str, object]) -> None:
    """Record the approval that the configuration is, unless there is one; nothing where none is asked for.

    Raises:
        Refused: there is no run whose plan could be approved.
        ApprovalNeeded: what is confirmed is not the hash of that plan.
    """
    if CONFIRM not in config:
        return
    given = str(config[CONFIRM])
    with closing(surroundings.connect(f"{name} approve")) as connection:
        run = read_standing(connection, name).run
        if run is None:
            raise Refused(f"{name} was never run, so {step} has no plan to confirm; pgfold run {name}")
        shown = run.plan_hash[:HASH_SHOWN]
        if len(given) < HASH_SHOWN or not run.plan_hash.startswith(given):
            raise ApprovalNeeded(
                f"{name}: {step} waits for a yes to plan {shown}, and {CONFIRM} says {given!r}: read that plan,"
                f" then set {CONFIRM}: {shown}"
            )
        approvals.approve(connection, name, step, run.plan_hash, surroundings.person, surroundings.now())


def ask_for_approval(surroundings: Surroundings, spec: Spec, step: str) -> None:
    """Write down that the step waits for a person, if the spec has it wait and nobody said yes yet."""
    if not needs_approval(spec, step):
        return
    with closing(surroundings.connect(f"{spec.name} approve")) as connection:
        standing = read_standing(connection, spec.name)
        if standing.run is not None and standing.approval_of(step) is None:
            approvals.request_approval(connection, spec.name, step, standing.run.plan_hash, surroundings.now())
            wait_for_person(step, f"waits for a person's approval; pgfold approve {spec.name} {step}")
