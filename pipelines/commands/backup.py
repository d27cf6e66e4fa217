"""`pgfold backup`: back up the tables of consolidations, now."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from pipelines.core.errors import Refused
from pipelines.core.spec import Spec
from pipelines.core.wording import listed
from pipelines.settings import Settings
from pipelines.steps.loading import load_spec, spec_names
from pipelines.steps.opening import surroundings_of
from pipelines.steps.own_backup import back_up, tables_there
from pipelines.steps.surroundings import Surroundings
from pipelines.terminal import Terminal
from pipelines.watching import BACKUP, hear, watched


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """One backup a consolidation; none named: all that this database has tables of.

    Raises:
        Refused: none of the tables is there.
    """
    specs = [load_spec(name, Path.cwd()) for name in asked.specs or spec_names(Path.cwd())]
    with (
        Terminal(sys.stdout) as terminal,
        surroundings_of(settings, lambda p: terminal.progress(p.step, p.rows_done, p.rows_total, p.note)) as around,
    ):
        for spec in specs if asked.specs else _those_there(around, specs):
            with watched(around, spec.name, BACKUP):
                done = back_up(around, spec)
                hear(done)
            terminal.step(spec.name, done.sentence, done.seconds)
    return 0


def _those_there(surroundings: Surroundings, specs: list[Spec]) -> list[Spec]:
    with closing(surroundings.connect("backup")) as connection:
        found = [spec for spec in specs if tables_there(connection, spec)]
    if not found:
        names = listed([spec.name for spec in specs])
        raise Refused(f"no table of {names} is in the database: name the defs.yaml of yours, pgfold backup SPEC")
    return found
