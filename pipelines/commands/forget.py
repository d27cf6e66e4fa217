"""`pgfold forget`: the row map and kept values go; what that ends is said first."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from pipelines.settings import Settings
from pipelines.steps.forgetting import forget
from pipelines.steps.loading import load_spec
from pipelines.steps.opening import surroundings_of
from pipelines.terminal import Terminal


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Forget a fold."""
    spec = load_spec(asked.spec, Path.cwd())
    with (
        surroundings_of(settings) as surroundings,
        closing(surroundings.connect(f"{spec.name} forget")) as connection,
        Terminal(sys.stdout) as terminal,
    ):
        terminal.say_all(forget(connection, spec.name))
    return 0
