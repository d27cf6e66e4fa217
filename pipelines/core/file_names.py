"""Names in a backup's folder: readable, and plain enough for every shell and file system."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from pipelines.core.schema import TableName

MANIFEST = "manifest.json"
SCHEMA = "schema.sql"
RESTORE = "restore.sql"
DATA = "data"
_SUFFIX = ".jsonl.zst"
_MOST_CHARACTERS = 200  # file systems allow 255 bytes


def data_paths(tables: Iterable[TableName]) -> Mapping[TableName, str]:
    """`data/<schema>.<table>.jsonl.zst` for each, relative to the backup's folder.

    Characters other than ASCII letters, digits, `_` and `-` are percent-encoded; a name that is too long, or differs
    from another only in case, ends in a hash of itself.
    """
    found: dict[TableName, str] = {}
    taken: set[str] = set()
    for table in sorted(set(tables)):
        name = f"{_plain(table.schema)}.{_plain(table.name)}"
        if len(name) > _MOST_CHARACTERS or name.lower() in taken:
            name = f"{name[:_MOST_CHARACTERS]}~{_hash(table)}"
        taken.add(name.lower())
        found[table] = f"{DATA}/{name}{_SUFFIX}"
    return found


def _plain(part: str) -> str:
    return "".join(chr(b) if _is_plain(b) else f"%{b:02X}" for b in part.encode())


def _is_plain(byte: int) -> bool:
    return byte < 0x80 and (chr(byte).isalnum() or chr(byte) in "_-")


def _hash(table: TableName) -> str:
    return hashlib.sha256(f"{table.schema}\0{table.name}".encode()).hexdigest()[:12]
