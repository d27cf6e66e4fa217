"""Disk: how much room is left where the history and the backups are written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from daemon.probes.finding import Finding, Status
from daemon.probes.own_thread import OwnThread
from daemon.wording import counted, one_line, percent, size


@dataclass(frozen=True, slots=True)
class DiskLimits:
    """From where on a disk is degraded and unhealthy; shares of the whole that must be free."""

    low: float = 0.10
    full: float = 0.02
    full_bytes: int = 64 * 1024 * 1024  # less than this is unhealthy on any disk


@dataclass(frozen=True, slots=True)
class Room:
    """A file system as this process sees it: `free_bytes` are those that it may use itself."""

    folder: Path
    free_bytes: int
    total_bytes: int

    @property
    def free(self) -> float:
        """The share that is free, 0 to 1."""
        return self.free_bytes / self.total_bytes if self.total_bytes else 0.0


FULL = "Events, history and backups can no longer be written."


def read_room(folder: Path) -> Room:
    """Of the folder, or of its nearest parent that is there.

    Raises:
        OSError: it cannot be asked.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    found = os.statvfs(there)
    return Room(folder, found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


async def look_at_disk(
    folders: Iterable[Path],
    limits: DiskLimits,
    newest_backup_bytes: Callable[[], int | None],
    apart: OwnThread,
    read: Callable[[Path], Room] = read_room,
) -> Finding:
    """The folder with the least room; asked in a thread of its own, since a network disk may hang."""
    rooms = []
    for folder in dict.fromkeys(folders):
        try:
            rooms.append(await apart.run(partial(read, folder)))
        except OSError as error:
            return Finding(Status.UNHEALTHY, f"{folder} cannot be read: {one_line(error.strerror)}.", FULL)
    if not rooms:
        return Finding(Status.DISABLED, "Nothing is written to a disk.")
    return judge(min(rooms, key=lambda room: room.free), limits, newest_backup_bytes())


def judge(room: Room, limits: DiskLimits, backup_bytes: int | None) -> Finding:
    """The finding; `backup_bytes` is the size of one more backup like the newest, where there is one."""
    fits = room.free_bytes // backup_bytes if backup_bytes else None
    enough = "" if fits is None else f", enough for {counted(fits, 'backup')} like the newest"
    said = f"{size(room.free_bytes)} of {size(room.total_bytes)} free, {percent(room.free)}{enough}."
    if room.free < limits.full or room.free_bytes < limits.full_bytes:
        return Finding(Status.UNHEALTHY, f"{said} Make room in {room.folder}.", FULL)
    if room.free < limits.low or fits == 0:
        return Finding(Status.DEGRADED, f"{said} Make room in {room.folder}.", "A backup or a fold may not fit.")
    return Finding(Status.HEALTHY, said, "There is room for history and backups.")
