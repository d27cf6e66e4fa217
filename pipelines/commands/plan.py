"""`pgfold plan`: what a run would do, proven by reading; nothing is changed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipelines.core.plan_document import plan_json
from pipelines.core.plan_text import plan_lines, sql_lines
from pipelines.settings import Settings
from pipelines.steps import workflow
from pipelines.steps.loading import find_spec, load_spec
from pipelines.steps.opening import surroundings_of
from pipelines.steps.standing import find_standing, refuse_in_force
from pipelines.terminal import Terminal

REFUSED = 3


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Show the plan; 3 where something stands in its way.

    Raises:
        Refused: it is folded already, so that there is nothing to plan; a program is told so by the plan's findings.
    """
    spec = load_spec(asked.spec, Path.cwd())
    with surroundings_of(settings) as surroundings:
        if not asked.json:
            refuse_in_force(find_standing(surroundings, spec.name).state)
        made = workflow.plan(surroundings, spec, quick=asked.quick)
    with Terminal(sys.stdout) as terminal:
        if asked.json:
            terminal.document(plan_json(made))
        else:
            terminal.say_all(plan_lines(made, terminal.width, find_spec(asked.spec, Path.cwd()).name))
            terminal.say_all(sql_lines(made) if asked.sql else ())
    return REFUSED if made.refused else 0
