"""The names of what pgfold keeps in the database for one fold."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from pipelines.core.schema import Table, TableName

OWN_SCHEMA = "pgfold"
STATE = "state"


class Keeping(StrEnum):
    """What a table of schema pgfold holds for one source (or, `own`, for the target) of a fold."""

    ROW_MAP = "map"
    STAGED = "staged"
    CHANGED = "changed"
    KEPT = "kept"
    HOMEWARD = "home"


def keeping(kind: Keeping, fold: str, table: TableName) -> TableName:
    """The name of such a table: short, stable when a spec's sources are reordered, and unique by a hash."""
    digest = hashlib.sha256(f"{table.schema}\0{table.name}".encode()).hexdigest()[:6]
    readable = "".join(c if c.isascii() and c.isalnum() else "_" for c in table.name.lower())[:16]
    return TableName(OWN_SCHEMA, f"{kind}_{fold}_{readable}_{digest}")


def archive_schema(fold: str, table: TableName) -> str:
    """Where a source is archived; one schema for each of theirs, so that equal names cannot collide.

    A schema name that would not fit in 63 bytes ends in a hash of itself.
    """
    name = f"pgfold_{fold}_{table.schema}"
    if len(name.encode()) <= 63:
        return name
    digest = hashlib.sha256(table.schema.encode()).hexdigest()[:8]
    return name.encode()[:54].decode(errors="ignore") + "_" + digest


def archived(fold: str, table: TableName) -> TableName:
    """A source's name while it is archived."""
    return TableName(archive_schema(fold, table), table.name)


def key_columns(prefix: str, count: int) -> tuple[str, ...]:
    """Positional key columns: `s1, s2` for the source's key, `t1, t2` for the target's."""
    return tuple(f"{prefix}{n}" for n in range(1, count + 1))


def staging_key_columns(target: Table, count: int) -> tuple[str, ...]:
    """The source key's columns in a staging table, which has the target's columns too: no name is taken twice."""
    prefix = "source key "
    while any(column.name.startswith(prefix) for column in target.columns):
        prefix = "_" + prefix
    return key_columns(prefix, count)
