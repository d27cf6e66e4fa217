"""Backups as the folder has them: `<root>/<fold>/<UTC time>-<id>[-sealed]/`. Without manifest.json a folder is none."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from daemon.health import microseconds
from daemon.migrations.ledger import DrillRow
from daemon.migrations.steps import day
from daemon.wording import counted, duration, one_line, size
from monitoring.wire import Backup, Backups

MANIFEST = "manifest.json"
WRITING_FOR = timedelta(minutes=2)  # since something in the folder was last written
_LISTED = 30
_LARGEST_MANIFEST = 64 * 1024 * 1024
_TIME = "%Y%m%dT%H%M%SZ"
_FOLDER = re.compile(r"(?P<time>\d{8}T\d{6}Z)-(?P<id>[0-9A-Za-z]+)(?P<sealed>-sealed)?", re.ASCII)


class _File(msgspec.Struct):
    path: str
    size_bytes: int


class _Digest(msgspec.Struct):
    rows: int


class _Table(msgspec.Struct):
    file: _File
    digest: _Digest


class _Saying(msgspec.Struct):
    taken_at: datetime
    schema: _File
    tables: list[_Table]


@dataclass(frozen=True, slots=True)
class Told:
    """What a manifest says; `wrong` is a sentence where it cannot be believed."""

    taken_at: datetime | None = None
    tables: int = 0
    rows: int = 0
    files: tuple[tuple[str, int], ...] = ()  # paths within the folder, and their sizes
    wrong: str | None = None

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file_bytes for _, file_bytes in self.files)


@dataclass(frozen=True, slots=True)
class Found:
    """A folder that is named as a backup; `told` is None where it has no manifest."""

    fold: str
    name: str
    sealed: bool
    started_at: datetime
    touched_at: datetime
    size_bytes: int
    told: Told | None

    @property
    def is_backup(self) -> bool:
        """Whether it has a manifest that can be believed."""
        return self.told is not None and self.told.wrong is None

    @property
    def at(self) -> datetime:
        """The time of the rows in it, or when it was begun."""
        return self.told.taken_at if self.told is not None and self.told.taken_at is not None else self.started_at


class Folder:
    """The backups below `root`; a manifest that did not change is not read again.

    `troubles` are the folders that could not be read the last time, each a sentence.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._manifests: dict[Path, tuple[tuple[int, int], Told]] = {}
        self.troubles: list[str] = []

    def read(self) -> list[Found]:
        """Newest first; what cannot be read is left out, since it may be on its way out."""
        found, self.troubles = [], []
        for fold in sorted(self._children(self._root)):
            for folder in self._children(fold):
                match = _FOLDER.fullmatch(folder.name)
                started = _started_at(match["time"]) if match else None
                if match and started is not None and (read := self._read(folder, fold.name, match, started)):
                    found.append(read)
        known = {path for path in self._manifests if path.exists()}
        self._manifests = {path: told for path, told in self._manifests.items() if path in known}
        return sorted(found, key=lambda one: (one.at, one.name), reverse=True)

    def _children(self, folder: Path) -> list[Path]:
        try:
            return [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
        except FileNotFoundError:
            return []
        except OSError as error:
            self.troubles.append(f"{folder} cannot be read, so nobody knows what it holds: {error.strerror}.")
            return []

    def _read(self, folder: Path, fold: str, match: re.Match[str], started_at: datetime) -> Found | None:
        try:
            stats = [path.stat() for path in (folder, *folder.iterdir())]
            told = self._told(folder)
        except OSError:
            return None
        touched = datetime.fromtimestamp(max(stat.st_mtime for stat in stats), UTC)
        taken = sum(stat.st_size for stat in stats[1:])
        return Found(fold, folder.name, match["sealed"] is not None, started_at, touched, taken, told)

    def _told(self, folder: Path) -> Told | None:
        manifest = folder / MANIFEST
        try:
            stat = manifest.stat()
        except FileNotFoundError:
            return None
        mark = (stat.st_mtime_ns, stat.st_size)
        known = self._manifests.get(manifest)
        if known is None or known[0] != mark:
            known = self._manifests[manifest] = (mark, read_manifest(manifest, stat.st_size))
        told = known[1]
        return told if told.wrong is not None else _with_files(folder, told)


def read_manifest(manifest: Path, size_bytes: int) -> Told:
    """What it says, if it is what was written: its sha256 is that of its own words."""
    if size_bytes > _LARGEST_MANIFEST:
        return Told(wrong=f"{MANIFEST} has {size(size_bytes)}: no manifest is as large.")
    try:
        document = json.loads(manifest.read_bytes())
        said = document["backup"]
        if document["sha256"] != _sha256(said):
            return Told(wrong=f"{MANIFEST} was altered: its sha256 is another. Make another backup.")
        saying = msgspec.convert(said, _Saying, strict=False)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return Told(wrong=f"{MANIFEST} cannot be read: {one_line(error)}")
    files = [saying.schema, *(table.file for table in saying.tables)]
    return Told(
        taken_at=saying.taken_at if saying.taken_at.tzinfo else saying.taken_at.replace(tzinfo=UTC),
        tables=len(saying.tables),
        rows=sum(table.digest.rows for table in saying.tables),
        files=tuple((file.path, file.size_bytes) for file in files),
    )


def show_backups(
    found: Sequence[Found], drills: Iterable[DrillRow], zone: ZoneInfo, now: datetime, troubles: Iterable[str] = ()
) -> Backups:
    """As the page shows them, with troubles first. A drill counts for the backup that it restored."""
    latest: dict[tuple[str, str], DrillRow] = {}
    for drill in sorted(drills, key=lambda one: one.at):
        latest[drill.place] = drill
    kept = [one for one in found if one.is_backup]
    passed = [drill.at for drill in latest.values() if drill.passed]
    return Backups(
        kept=len(kept),
        size_bytes=sum(one.told.size_bytes for one in kept if one.told is not None) if kept else None,
        newest_us=microseconds(max(one.at for one in kept)) if kept else None,
        last_drill_us=microseconds(max(passed)) if passed else None,
        list=[
            *(
                Backup(name="a folder", state="bad", at_us=microseconds(now), size_bytes=None, sentence=told)
                for told in troubles
            ),
            *(show_backup(one, latest.get((one.fold, one.name)), zone, now) for one in found[:_LISTED]),
        ],
    )


def show_backup(found: Found, drill: DrillRow | None, zone: ZoneInfo, now: datetime) -> Backup:
    """One of them."""
    name = f"{found.fold}, {'sealed ' if found.sealed else ''}{_when(found.at, zone, now)}"
    at_us = microseconds(found.at)
    if found.told is None:
        if now - found.touched_at < WRITING_FOR:
            told = f"{size(found.size_bytes)} so far; becomes a backup when its manifest is written."
            return Backup(name=name, state="writing", at_us=at_us, size_bytes=None, sentence=told)
        told = f"Interrupted at {size(found.size_bytes)}: without a manifest it is no backup."
        return Backup(name=name, state="bad", at_us=at_us, size_bytes=found.size_bytes, sentence=told)
    if found.told.wrong is not None:
        return Backup(name=name, state="bad", at_us=at_us, size_bytes=found.size_bytes, sentence=found.told.wrong)
    rows = f"{counted(found.told.rows, 'row')} of {counted(found.told.tables, 'table')}"
    if drill is None:
        told = f"{rows}; never restored, so not known to be good."
        return Backup(name=name, state="unproven", at_us=at_us, size_bytes=found.told.size_bytes, sentence=told)
    if not drill.passed:
        told = f"{rows}; it did not give them back: {one_line(drill.detail or 'digests differ')}"
        return Backup(name=name, state="bad", at_us=at_us, size_bytes=found.told.size_bytes, sentence=told)
    took = "" if drill.took_s is None else f" in {duration(drill.took_s)}"
    told = f"{rows}; restored{took}, digests equal."
    return Backup(name=name, state="good", at_us=at_us, size_bytes=found.told.size_bytes, sentence=told)


def _with_files(folder: Path, told: Told) -> Told:
    """The same, or what is wrong with the files that it names; only their sizes are looked at."""
    for path, size_bytes in told.files:
        if Path(path).is_absolute() or ".." in Path(path).parts:
            return Told(told.taken_at, wrong=f"{MANIFEST} names a file outside of the folder.")
        try:
            there = (folder / path).stat().st_size
        except FileNotFoundError:
            return Told(told.taken_at, wrong=f"{one_line(path)} is missing, {size(size_bytes)}. Make another backup.")
        if there != size_bytes:
            wrong = f"{one_line(path)} has {there:,} of {size_bytes:,} bytes. Make another backup."
            return Told(told.taken_at, wrong=wrong)
    return told


def _sha256(said: Any) -> str:
    canonical = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _started_at(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _when(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """`07:14` today, `yesterday 16:02`, `Sun 22 Nov, 02:00`."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        return f"{local:%H:%M}"
    if local.date() == today - timedelta(days=1):
        return f"yesterday {local:%H:%M}"
    return day(at, zone)
