"""`pgfold backup`: back up the tables of consolidations, now."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipelines.settings import Settings
from pipelines.steps.loading import load_spec, spec_names
from pipelines.steps.opening import surroundings_of
from pipelines.steps.own_backup import back_up
from pipelines.terminal import Terminal


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """One backup a consolidation; none named: all of them."""
    specs = [load_spec(name, Path.cwd()) for name in asked.specs or spec_names(Path.cwd())]
    with Terminal(sys.stdout) as terminal, surroundings_of(
        settings, lambda p: terminal.progress(p.step, p.rows_done, p.rows_total, p.note)
    ) as around:
        for spec in specs:
            done = back_up(around, spec)
            terminal.step(spec.name, done.sentence, done.seconds)
    return 0
