"""`pgfold drop`: after grace period and approval, the sealed backup is drilled and the archived tables go."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipelines.settings import Settings
from pipelines.steps import workflow
from pipelines.steps.loading import load_spec
from pipelines.steps.opening import surroundings_of
from pipelines.terminal import Terminal
from pipelines.watching import DROP, hear, watched


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Drop, or say what it waits for."""
    spec = load_spec(asked.spec, Path.cwd())
    with surroundings_of(settings) as surroundings, Terminal(sys.stdout) as terminal:
        with watched(surroundings, spec.name, DROP):
            done = workflow.drop(surroundings, spec.name, now=asked.now)
            hear(done)
        terminal.step(done.step, done.sentence, done.seconds)
        terminal.say()
        terminal.say(f"Can still be undone, from the sealed backup: pgfold rollback {spec.name}")
    return 0
