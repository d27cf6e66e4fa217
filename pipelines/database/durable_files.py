"""Files that are whole on disk, or not there: mode 0600 in folders of mode 0700, synchronised before they count."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipelines.core.errors import BackupDamaged
from pipelines.core.manifest import SavedFile


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the operating system raises into an error of ours.

    Raises:
        BackupDamaged: the folder cannot be written to; the message says why.
    """
    try:
        yield
    except OSError as error:
        path = error.filename or folder
        raise BackupDamaged(
            f"backup {folder} could not be written: {error.strerror or error} ({path}): nothing there counts as a"
            " backup; make room or give access, then run it again"
        ) from error


def make_folder(folder: Path) -> None:
    """Make it and what is missing above it, for this account alone; a folder that is there keeps its mode."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file for the body to fill; on disk when it ends, in whatever state when it raises."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_file(folder: Path, path: str, text: str) -> SavedFile:
    """Write a small file of the folder."""
    content = text.encode()
    with new_file(folder / path) as file:
        file.write(content)
    return SavedFile(path, len(content), hashlib.sha256(content).hexdigest())


def replace_file(folder: Path, path: str, text: str) -> None:
    """Write a file that appears whole under its name, or not at all (rename(2) is atomic)."""
    unfinished = f"{path}.unfinished"
    write_file(folder, unfinished, text)
    (folder / unfinished).rename(folder / path)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Bring its entries to disk: a file's own fsync does not (fsync(2))."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
