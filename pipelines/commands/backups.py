"""`pgfold backups`: list them, remove old ones, or restore the newest into a scratch schema and compare."""

from __future__ import annotations

import argparse
import sys

from pipelines.core.errors import BackupDamaged, SpecError
from pipelines.core.report import Status
from pipelines.core.wording import counted, size
from pipelines.database.backup_reader import read_manifest
from pipelines.database.backup_store import Backup, list_backups
from pipelines.settings import Settings
from pipelines.steps.opening import surroundings_of
from pipelines.steps.own_backup import damaged_backups, drill_newest, prune
from pipelines.terminal import Terminal


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """List, prune or drill.

    Raises:
        SpecError: prune is to keep fewer than one, or there is no backup of that name.
    """
    if asked.keep < 1:
        raise SpecError(f"--keep {asked.keep} would leave no backup: keep at least 1")
    with Terminal(sys.stdout) as terminal:
        match asked.action:
            case "list":
                _list(terminal, settings, asked.name)
            case "prune":
                _prune(terminal, settings, asked)
            case _:
                _drill(terminal, settings, asked.name)
    return 0


def _list(terminal: Terminal, settings: Settings, name: str | None) -> None:
    found = list_backups(settings.backups, name)
    for backup in found:
        kind = "sealed" if backup.sealed else "first"
        facts, status = _facts(backup)
        terminal.say(f"  {backup.name:<20} {backup.started_at:%Y-%m-%d %H:%M} UTC  {kind:<7} {facts}", status)
        terminal.say(f"  {'':<20} {backup.folder}")
    if not found:
        _say_none(terminal, settings, name)


def _facts(backup: Backup) -> tuple[str, Status | None]:
    """What its manifest says; a damaged one must not hide the others."""
    try:
        manifest = read_manifest(backup.folder)
    except BackupDamaged as error:
        return f"damaged: {error}", Status.FAILED
    rows, tables = counted(manifest.rows, "row"), counted(len(manifest.tables), "table")
    return f"{rows} in {tables}, {size(manifest.size_bytes)}", None


def _say_none(terminal: Terminal, settings: Settings, name: str | None) -> None:
    of = f" of {name}" if name else ""
    terminal.say(f"No backups{of} in {settings.backups}. pgfold backup makes one.", Status.UNKNOWN)


def _prune(terminal: Terminal, settings: Settings, asked: argparse.Namespace) -> None:
    if asked.name and not list_backups(settings.backups, asked.name):
        raise SpecError(
            f"there are no backups of {asked.name} in {settings.backups}; pgfold backups says of which there are"
        )
    with surroundings_of(settings) as surroundings:
        for folder in prune(surroundings, asked.name, asked.keep):
            terminal.say(f"  removed {folder}")
        for backup in damaged_backups(surroundings, asked.name):
            terminal.say(f"  damaged, neither counted nor removed: {backup.folder}", Status.FAILED)
    terminal.say(f"Kept: the newest {asked.keep} of each, and what a fold in force needs.")


def _drill(terminal: Terminal, settings: Settings, name: str | None) -> None:
    if not list_backups(settings.backups, name):
        _say_none(terminal, settings, name)
        return
    with surroundings_of(settings) as surroundings:
        for result in drill_newest(surroundings, name):
            terminal.say(f"  {result.folder}: {counted(result.rows, 'row')} restored, digests equal", Status.OK)
