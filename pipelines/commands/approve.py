"""`pgfold approve`: a person's yes to one step of one plan; a changed plan needs a new one."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from pipelines.core.errors import Refused
from pipelines.core.findings import errors
from pipelines.core.ledger_rows import ApprovalRecord
from pipelines.core.plan import HASH_SHOWN
from pipelines.core.spec import Spec
from pipelines.core.wording import counted
from pipelines.database import approvals, ledger
from pipelines.database.connection import Connection
from pipelines.settings import Settings
from pipelines.steps import workflow
from pipelines.steps.loading import load_spec
from pipelines.steps.opening import surroundings_of
from pipelines.steps.standing import read_standing
from pipelines.steps.surroundings import Surroundings
from pipelines.terminal import Terminal


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Record who says yes, when, and to which plan.

    Raises:
        Refused: the plan has errors, or nothing is folded that could be dropped; nothing was approved.
    """
    spec = load_spec(asked.spec, Path.cwd())
    with surroundings_of(settings) as surroundings, closing(surroundings.connect("approve")) as connection:
        plan_hash = _plan_hash(surroundings, connection, spec, asked)
        ledger.ensure_ledger(connection, surroundings.tracking_schema)
        given = approvals.approve(connection, spec.name, asked.step, plan_hash, surroundings.person, surroundings.now())
    with Terminal(sys.stdout) as terminal:
        terminal.say_all(_said(spec, given))
    return 0


def _plan_hash(surroundings: Surroundings, connection: Connection, spec: Spec, asked: argparse.Namespace) -> str:
    """The plan of the run that is under way or in force; else, for a cut-over to come, the plan as it is now."""
    standing = read_standing(connection, spec.name)
    if standing.run is not None and (standing.under_way or standing.state.in_force):
        return standing.run.plan_hash
    if asked.step == "drop":
        raise Refused(f"{spec.name} is not folded, so there is nothing to drop yet; pgfold run {spec.name} folds it")
    made = workflow.plan(surroundings, spec)
    found = errors(made.findings)
    if found:
        raise Refused(f"nothing was approved: the plan has {counted(len(found), 'finding')}; pgfold plan {asked.spec}")
    return made.hash


def _said(spec: Spec, given: ApprovalRecord) -> tuple[str, str]:
    approved = f"approved: {given.step} of {spec.name}, plan {given.plan_hash[:HASH_SHOWN]}"
    command = "run" if given.step == "cut_over" else "drop"
    return (
        f"{approved}, by {given.person} at {given.approved_at:%Y-%m-%d %H:%M} UTC",
        f"Next: pgfold {command} {spec.name}; where pgfold up runs, a step that waited for this starts by itself",
    )
