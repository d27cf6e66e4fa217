"""How many events a process has recorded, where a kill leaves the count: a small memory-mapped file, one a process.

    words 0, 1   recorded into the ring, dropped before it: written by the recorder, one store each
    word  2      which of the two identities below is in force (0 or 1)
    words 3, 4   identity 0: started_us, and what had been recorded before it began
    words 5, 6   identity 1
    byte  64     the length of the JSON that follows: service, instance, pid

The file is locked as long as its process lives: the kernel lets go however it ends, and a fork does not inherit it.
Whoever gets the lock of another's file knows that its process is dead.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from monitoring.wire import Lost, SourceId

logger = logging.getLogger("monitoring")

_SIZE = 4096
_WORDS = 8
_NAMES = 64
_SUFFIX = ".recorded"

_live: set[Path] = set()  # this process's own files: opening and closing one would drop its lock


class SpoolUnusable(OSError):
    """The spool folder cannot hold counts; what a kill would lose goes uncounted."""


@dataclass(slots=True)
class Spool:
    """The counts of this process."""

    counts: memoryview
    _source: SourceId
    _file: BinaryIO | None = None
    _path: Path | None = None

    @property
    def source(self) -> SourceId:
        """Who the counts are of."""
        return self._source

    @property
    def recorded(self) -> int:
        """Events recorded since the identity in force began."""
        return _recorded(self.counts)

    def begin_anew(self, started_us: int, settled: int) -> None:
        """Become a new source, of whose books `settled` events are no part."""
        slot = 1 - self.counts[2]
        base = self.counts[3 + 2 * self.counts[2] + 1] + settled
        self.counts[3 + 2 * slot] = started_us
        self.counts[3 + 2 * slot + 1] = base
        self.counts[2] = slot  # one store: a kill leaves the one identity or the other
        self._source = msgspec.structs.replace(self._source, started_us=started_us)

    def leave(self, settled: bool) -> None:
        """Let go; the file stays for the next process where something is not settled."""
        self.counts = counts_in_memory()  # the map closes once the recorder lets go too
        if self._path is not None and settled:
            self._path.unlink(missing_ok=True)
        self.forget()

    def forget(self) -> None:
        """Close the file and drop its lock; in a fork's child this leaves the parent's alone."""
        if self._path is not None:
            _live.discard(self._path)
        if self._file is not None:
            self._file.close()
            self._file = None


def counts_in_memory() -> memoryview:
    """Counts that end with the process."""
    return memoryview(bytearray(_SIZE)).cast("Q")


def open_spool(folder: Path, source: SourceId) -> Spool:
    """Make this process's file; where that fails the counts are kept in memory, and a warning says so."""
    try:
        return _make(_own(folder), source)
    except OSError as error:
        logger.warning(
            "%s cannot keep counts: %s: events that a kill loses will not be counted: set MONITORING_SPOOL",
            folder, error,
        )  # fmt: skip
        counts = counts_in_memory()
        counts[3] = source.started_us
        return Spool(counts, source)


def ended_processes(folder: Path, service: str) -> list[tuple[Lost, Path]]:
    """The counts of processes of this service that ended with something unsettled, and their files."""
    found = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []:
        lost = _read_dead(path)
        if lost is not None and lost.source.service == service:
            found.append((lost, path))
    return found


def _own(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise SpoolUnusable(f"{folder} is not a folder of this account")
    return folder


def _make(folder: Path, source: SourceId) -> Spool:
    path = folder / f"{source.pid}-{source.started_us}{_SUFFIX}"
    hidden = path.with_suffix(".new")
    file = hidden.open("w+b", buffering=0)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.write(bytes(_SIZE))  # each page has its block: a full disk must not turn a store into a signal
        names = msgspec.json.encode({"service": source.service, "instance": source.instance, "pid": source.pid})
        memory = mmap.mmap(file.fileno(), _SIZE)
        memory[_NAMES : _NAMES + 4] = len(names).to_bytes(4, "little")
        memory[_NAMES + 4 : _NAMES + 4 + len(names)] = names
        counts = memoryview(memory).cast("Q")
        counts[3] = source.started_us
        hidden.rename(path)  # whole before anyone sees it
    except BaseException:
        file.close()
        hidden.unlink(missing_ok=True)
        raise
    _live.add(path)
    return Spool(counts, source, file, path)


def _read_dead(path: Path) -> Lost | None:
    """What the file says; None where its process lives, another is at it, or it is none of ours."""
    if path in _live:
        return None
    try:
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _parse(file.read(_SIZE))
    except OSError:
        return None
    except (msgspec.MsgspecError, TypeError, ValueError, IndexError) as error:
        logger.warning("%s is no count of ours, and stays: %s", path, error)
        return None


def _parse(content: bytes) -> Lost:
    words = memoryview(content[: 8 * _WORDS]).cast("Q")
    length = int.from_bytes(content[_NAMES : _NAMES + 4], "little")
    names = msgspec.json.decode(content[_NAMES + 4 : _NAMES + 4 + length])
    source = SourceId(started_us=words[3 + 2 * words[2]], **names)
    return Lost(source=source, recorded=_recorded(words))


def _recorded(words: memoryview) -> int:
    base: int = words[3 + 2 * words[2] + 1]
    into_ring: int = words[0]
    dropped: int = words[1]
    return into_ring + dropped - base
