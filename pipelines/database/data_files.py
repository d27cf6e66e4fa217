"""Data files: lines of JSON, compressed with zstd, with the sha256 of what is on disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import zstandard

from pipelines.core.errors import BackupDamaged
from pipelines.core.manifest import SavedFile, SavedTable
from pipelines.database.durable_files import new_file

# Python's cost is a call, not a byte: lines are gathered before they are compressed.
_CHUNK_BYTES = 1 << 20
_LEVEL = 1  # half the time of zstd's default 3, and on JSON lines no larger
Line = bytes | bytearray | memoryview
Lines = Iterable[Line]


@dataclass(frozen=True, slots=True)
class Part:
    """A file of lines, whole in itself; `digest` has seen all of it, and can see what is put behind it."""

    path: str
    rows: int
    size_bytes: int
    digest: hashlib._Hash

    @property
    def file(self) -> SavedFile:
        """It, as the manifest has it."""
        return SavedFile(self.path, self.size_bytes, self.digest.hexdigest())


def write_lines(folder: Path, path: str, lines: Lines, told: Callable[[int], None]) -> Part:
    """Write lines, each with its newline, as they come; `told` hears how many so far.

    Compressed in a thread of zstd's own while the next lines arrive.
    """
    compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=1, write_checksum=True).compressobj()
    count, size_bytes, digest = 0, 0, hashlib.sha256()
    with new_file(folder / path) as file:
        for gathered in _gathered(lines):
            count += len(gathered)
            size_bytes += _put(file, compressor.compress(b"".join(gathered)), digest)
            told(count)
        size_bytes += _put(file, compressor.flush(), digest)
    return Part(path, count, size_bytes, digest)


def join_parts(folder: Path, parts: Sequence[Part]) -> Part:
    """Put the other parts behind the first and remove them: several frames are one file too (RFC 8878, 3)."""
    first, *others = parts
    for other in others:
        with (folder / first.path).open("ab") as file, (folder / other.path).open("rb") as more:
            while piece := more.read(_CHUNK_BYTES):
                _put(file, piece, first.digest)
            file.flush()
            os.fsync(file.fileno())
        (folder / other.path).unlink()
    return replace(first, rows=sum(p.rows for p in parts), size_bytes=sum(p.size_bytes for p in parts))


def _put(file: IO[bytes], piece: bytes, digest: hashlib._Hash) -> int:
    digest.update(piece)
    file.write(piece)
    return len(piece)


def read_chunks(folder: Path, saved: SavedTable) -> Iterator[bytes]:
    """The lines as they were written, in chunks that end anywhere; counted when the last chunk has been taken.

    Raises:
        BackupDamaged: the file is missing, unreadable, or holds another number of rows; the message names it.
    """
    path = folder / saved.file.path
    count = 0
    decompressor = zstandard.ZstdDecompressor()
    try:
        with path.open("rb") as file, decompressor.stream_reader(file, read_across_frames=True) as reader:
            while chunk := reader.read(_CHUNK_BYTES):
                count += chunk.count(b"\n")
                yield chunk
    except zstandard.ZstdError as error:
        raise BackupDamaged(f"{path} cannot be decompressed ({error}); use another backup") from error
    except OSError as error:
        raise BackupDamaged(f"{path} cannot be read: {error.strerror}; use another backup") from error
    if count != saved.digest.rows:
        raise BackupDamaged(f"{path} holds {count} rows, and the manifest says {saved.digest.rows}; use another backup")


def verify_file(folder: Path, saved: SavedFile) -> None:
    """Compare a file's bytes with the manifest.

    Raises:
        BackupDamaged: it is missing, unreadable or altered; the message names it.
    """
    path = folder / saved.path
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BackupDamaged(f"{path} cannot be read: {error.strerror}; use another backup") from error
    if found != saved.sha256:
        raise BackupDamaged(f"{path} was altered: its sha256 is not the manifest's; use another backup")


def _gathered(lines: Lines) -> Iterator[list[Line]]:
    gathered: list[Line] = []
    size = 0
    for line in lines:
        gathered.append(line)
        size += len(line)
        if size >= _CHUNK_BYTES:
            yield gathered
            gathered, size = [], 0
    if gathered:
        yield gathered
