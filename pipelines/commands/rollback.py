"""`pgfold rollback`: unfold, from any point, with the edits made since; `--plan` says whether it can be done now."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipelines.core.reconciliation import RollbackOptions
from pipelines.core.undo_text import undo_lines
from pipelines.settings import Settings
from pipelines.steps import workflow
from pipelines.steps.loading import load_spec
from pipelines.steps.opening import surroundings_of
from pipelines.terminal import Terminal
from pipelines.watching import ROLLBACK, hear, watched

BLOCKED = 3


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Undo, or with `--plan` say what stands in the way: 3 where something does."""
    spec = load_spec(asked.spec, Path.cwd())
    options = RollbackOptions(asked.set_aside, asked.accept_deletes, asked.to == "backup")
    with surroundings_of(settings) as surroundings, Terminal(sys.stdout) as terminal:
        if asked.plan:
            verdict = workflow.reconcile(surroundings, spec.name, options)
            terminal.say_all(undo_lines(spec.name, verdict, terminal.width))
            return 0 if verdict.can_be_undone else BLOCKED
        with watched(surroundings, spec.name, ROLLBACK):
            done = workflow.rollback(surroundings, spec.name, options)
            hear(done)
        terminal.step(done.step, done.sentence, done.seconds)
        terminal.say()
        terminal.say(f"Unfolded: the tables of {spec.name} are back. Next: pgfold run {spec.name} folds them again")
    return 0
