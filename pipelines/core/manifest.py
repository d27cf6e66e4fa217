"""What a backup says of itself: manifest.json, written last. A folder without one is not a backup."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipelines.core.digest import Digest
from pipelines.core.json_rows import SavedRows
from pipelines.core.recorded import SequenceState
from pipelines.core.schema import TableName

FORMAT = 1


@dataclass(frozen=True, slots=True)
class BackupFacts:
    """Whose backup it is: the consolidation, its run, and the spec as it was run. `sealed`: the rows at cut-over."""

    name: str
    run: str
    sealed: bool
    spec_text: str

    @property
    def spec_sha256(self) -> str:
        """The spec's hash, in hex."""
        return hashlib.sha256(self.spec_text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file of the backup: its path within the folder, its bytes, and their sha256 in hex."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SavedTable:
    """One table's rows: what they are, the file they are in, and the digest of what was there."""

    rows: SavedRows
    file: SavedFile
    digest: Digest
    sequences: tuple[SequenceState, ...] = ()  # those that its columns own

    @property
    def name(self) -> TableName:
        """The table's name when it was saved."""
        return self.rows.table

    def plain(self) -> SavedTable:
        """The same rows, to be loaded into a table whose columns are all plain: none is computed again."""
        columns = tuple(replace(column, generated=False) for column in self.rows.columns)
        return replace(self, rows=replace(self.rows, columns=columns, partitioned=False))


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything needed to check and restore a backup; `taken_at` is the server's time in the snapshot, aware UTC.

    `restore` is restore.sql, for psql and zstd alone; None in a backup that does not say.
    """

    facts: BackupFacts
    server_version: int  # server_version_num, for example 180004
    snapshot: str  # pg_export_snapshot's name
    taken_at: datetime
    schema: SavedFile
    tables: tuple[SavedTable, ...]
    restore: SavedFile | None = None

    @property
    def rows(self) -> int:
        """Of all tables together."""
        return sum(table.digest.rows for table in self.tables)

    @property
    def size_bytes(self) -> int:
        """Of all data files together."""
        return sum(table.file.size_bytes for table in self.tables)

    @property
    def scripts(self) -> tuple[SavedFile, ...]:
        """The files beside the data."""
        return (self.schema,) if self.restore is None else (self.schema, self.restore)

    def table(self, name: TableName) -> SavedTable | None:
        """The table saved under that name, or None."""
        return next((table for table in self.tables if table.name == name), None)


_ADAPTER = TypeAdapter(Manifest)


def to_json(manifest: Manifest) -> str:
    """As JSON text with the format's number, the spec's sha256, and the sha256 of what it says."""
    saying = _ADAPTER.dump_python(manifest, mode="json")
    document = {
        "format": FORMAT,
        "sha256": _sha256_of(saying),
        "spec_sha256": manifest.facts.spec_sha256,
        "backup": saying,
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def from_json(text: str) -> Manifest:
    """From `to_json`'s text.

    Raises:
        ValueError: it is of another format, or altered; the message says which.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error})") from None
    if not isinstance(document, dict) or "format" not in document:
        raise ValueError("it does not name its format")
    if document["format"] != FORMAT:
        raise ValueError(
            f"its format is {document['format']!r}, and this pgfold reads {FORMAT}: use the one that wrote it"
        )
    return _read(document)


def _read(document: dict[str, Any]) -> Manifest:
    saying = document.get("backup")
    if _sha256_of(saying) != document.get("sha256"):
        raise ValueError("it was altered: its sha256 does not match what it says")
    try:
        manifest = _ADAPTER.validate_json(json.dumps(saying))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"it says something else than a backup's manifest: {where}: {first['msg']}") from None
    if manifest.facts.spec_sha256 != document.get("spec_sha256"):
        raise ValueError("it was altered: the spec's sha256 does not match the spec")
    return manifest


def _sha256_of(saying: object) -> str:
    canonical = json.dumps(saying, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
