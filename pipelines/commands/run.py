"""`pgfold run`: export to cut-over, as a Dagster run that the UI shows; stops before what needs an approval."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.commands.fold_summary import FoldSummary, say_summary
from pipelines.commands.run_screen import RunScreen
from pipelines.core.errors import ApprovalNeeded, StepFailed
from pipelines.core.plan import HASH_SHOWN
from pipelines.core.spec import Spec
from pipelines.settings import Settings
from pipelines.steps.loading import find_spec, load_spec
from pipelines.steps.opening import surroundings_of
from pipelines.steps.standing import Standing, find_standing, needs_approval, refuse_in_force
from pipelines.steps.surroundings import Surroundings
from pipelines.terminal import Terminal

if TYPE_CHECKING:
    from pipelines.orchestration.fold_run import Part


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Fold, or go on where a run was stopped.

    Raises:
        SpecError, Refused, ApprovalNeeded, StepFailed: as the steps do; the Dagster run shows the same.
        KeyboardInterrupt: somebody stopped it; what was committed stays.
    """
    spec = load_spec(asked.spec, Path.cwd())
    with surroundings_of(settings) as surroundings, Terminal(sys.stdout) as terminal:
        _refuse_in_force(find_standing(surroundings, spec.name))  # before Dagster is imported: that takes a second
        going = _Going(settings, surroundings, spec, find_spec(asked.spec, Path.cwd()), RunScreen(terminal, Path.cwd()))
        run_id = _fold(going)
        say_summary(terminal, surroundings, settings, FoldSummary(spec, going.screen.verdict, run_id))
    return 0


def _refuse_in_force(standing: Standing) -> None:
    """A run that was killed after its cut-over goes on: its seal is left to do."""
    if not standing.cut_over:
        refuse_in_force(standing.state)


@dataclass(frozen=True, slots=True)
class _Going:
    """A fold on its way."""

    settings: Settings
    surroundings: Surroundings
    spec: Spec
    spec_file: Path
    screen: RunScreen

    @property
    def standing(self) -> Standing:
        return find_standing(self.surroundings, self.spec.name)


def _fold(going: _Going) -> str:
    """Dagster's id of the run that cut over."""
    from pipelines.orchestration.fold_run import Part

    if going.standing.cut_over:
        return _launch(going, Part.CUT_OVER)
    if not needs_approval(going.spec, "cut_over") or going.standing.approval_of("cut_over"):
        return _launch(going, Part.WHOLE)
    _launch(going, Part.PREPARE)
    if going.standing.approval_of("cut_over") is None:
        raise _waiting(going)
    return _launch(going, Part.CUT_OVER)


def _launch(going: _Going, part: Part) -> str:
    from pipelines.orchestration.fold_run import fold_run
    from pipelines.orchestration.launching import launch

    wanted = fold_run(going.spec, going.standing, part)
    launched = launch(going.settings, wanted, going.screen.hear, going.spec_file)
    going.screen.raise_what_stopped_it()
    if not launched.succeeded:
        raise StepFailed(f"{going.spec.name}: Dagster run {launched.run_id} failed outside of a step: {launched.log}")
    return launched.run_id


def _waiting(going: _Going) -> ApprovalNeeded:
    run = going.standing.run
    assert run is not None
    return ApprovalNeeded(
        f"{run.fold}: everything is prepared and proven; cut_over waits for a person's approval of plan"
        f" {run.plan_hash[:HASH_SHOWN]}\nNext: pgfold approve {run.fold} cut_over, then pgfold run {run.fold}"
    )
