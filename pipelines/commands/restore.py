"""`pgfold restore`: the tables of a backup come back, under their own names or in another schema."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipelines.core.errors import SpecError
from pipelines.core.wording import counted
from pipelines.settings import Settings
from pipelines.steps.opening import surroundings_of
from pipelines.steps.own_backup import restore
from pipelines.terminal import Terminal


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Restore in one transaction; a table that is there stops it before anything is changed.

    Raises:
        SpecError: there is no such folder.
        BackupDamaged: it is no backup, or does not give back what it says.
    """
    if not Path(asked.backup).is_dir():
        raise SpecError(f"there is no folder {asked.backup!r}: give that of a backup, as pgfold backups lists them")
    with surroundings_of(settings) as surroundings, Terminal(sys.stdout) as terminal:
        manifest = restore(surroundings, Path(asked.backup), asked.into)
        where = f"into schema {asked.into}" if asked.into else "under their own names"
        tables, rows = counted(len(manifest.tables), "table"), counted(manifest.rows, "row")
        terminal.say(f"Restored: {tables}, {rows}, {where}; every digest is equal to the manifest's.")
    return 0
