"""The backups on disk: `<root>/<name>/<UTC time>-<id>/`, and `<...>-sealed/` beside it with the rows at cut-over."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.core.errors import BackupDamaged
from pipelines.core.file_names import MANIFEST
from pipelines.core.manifest import Manifest
from pipelines.database.backup_reader import read_manifest
from pipelines.database.durable_files import sync_folder

SEALED = "-sealed"
_TIME = "%Y%m%dT%H%M%SZ"
_FOLDER = re.compile(r"(?P<time>\d{8}T\d{6}Z)-(?P<id>[0-9A-Za-z]+)(?P<sealed>-sealed)?")
# A folder without a manifest is one that is being written, or that a killed run left.
_LEFT_OVER_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Backup:
    """One backup's place: `started_at` is the time in its folder's name, aware UTC."""

    started_at: datetime
    name: str
    id: str
    sealed: bool
    folder: Path


def folder_of(root: Path, name: str, started_at: datetime, id: str, *, sealed: bool = False) -> Path:
    """Where a backup goes; `started_at` is aware."""
    time = started_at.astimezone(UTC).strftime(_TIME)
    return root / name / f"{time}-{id}{SEALED if sealed else ''}"


def list_backups(root: Path, name: str | None = None) -> tuple[Backup, ...]:
    """The folders that have a manifest, newest first; of one consolidation, or of all."""
    return tuple(sorted((b for b in _folders(root, name) if _is_backup(b)), reverse=True))


def find_newest(root: Path, name: str, *, sealed: bool | None = None) -> tuple[Backup, Manifest]:
    """The newest backup of a consolidation whose manifest can be read; `sealed` chooses one kind.

    Raises:
        BackupDamaged: there is none; the message says what was found instead.
    """
    fitting = [b for b in list_backups(root, name) if sealed is None or b.sealed is sealed]
    reasons: list[str] = []
    for backup in fitting:
        try:
            return backup, read_manifest(backup.folder)
        except BackupDamaged as error:
            reasons.append(str(error))
    kind = "" if sealed is None else "sealed " if sealed else "first "
    found = f": {'; '.join(reasons)}" if reasons else ": run pgfold backup"
    raise BackupDamaged(f"{root / name} holds no {kind}backup that can be read{found}")


def choose_expired(backups: Iterable[Backup], keep: int, protected: Collection[Path] = ()) -> tuple[Backup, ...]:
    """All but the newest `keep` of each consolidation, newest first.

    Sealed backups, and the first backups beside them, are kept: after `drop` they are what an undo needs.
    `protected` are folders that must stay for another reason.
    """
    listed = sorted(backups, reverse=True)
    undo = {(b.name, b.started_at, b.id) for b in listed if b.sealed}
    free = [b for b in listed if (b.name, b.started_at, b.id) not in undo and b.folder not in protected]
    names = dict.fromkeys(b.name for b in free)
    return tuple(b for name in names for b in [c for c in free if c.name == name][keep:])


def find_left_over(root: Path, now: datetime) -> tuple[Backup, ...]:
    """Folders without a manifest whose name says that they were begun more than a day before `now`."""
    return tuple(sorted(b for b in _folders(root, None) if not _is_backup(b) and now - b.started_at > _LEFT_OVER_AFTER))


def remove_backup(backup: Backup) -> None:
    """Remove a backup; its manifest first, so that what a failure leaves is none.

    Raises:
        BackupDamaged: a file cannot be removed.
    """
    try:
        (backup.folder / MANIFEST).unlink(missing_ok=True)
        sync_folder(backup.folder)
        shutil.rmtree(backup.folder)
    except OSError as error:
        raise BackupDamaged(f"backup {backup.folder} could not be removed: {error.strerror}") from error


def _folders(root: Path, name: str | None) -> Iterator[Backup]:
    for parent in [root / name] if name else sorted(p for p in root.glob("*") if p.is_dir()):
        for folder in parent.glob("*"):
            if (match := _FOLDER.fullmatch(folder.name)) and folder.is_dir() and not folder.is_symlink():
                time = datetime.strptime(match["time"], _TIME).replace(tzinfo=UTC)
                yield Backup(time, parent.name, match["id"], match["sealed"] is not None, folder)


def _is_backup(backup: Backup) -> bool:
    return (backup.folder / MANIFEST).is_file()
