"""Published tables whose rows a fold or its rollback changes: the server refuses that where no row has an identity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipelines.core.child_keys import line_of, names_of
from pipelines.core.findings import Finding, error
from pipelines.core.fold import ChildChange, Fold
from pipelines.core.schema import Index, Table, TableName
from pipelines.core.wording import listed


def identity_findings(fold: Fold) -> Iterator[Finding]:
    """Children whose values are updated where they are, and the tables from which rows go home."""
    spec = fold.spec
    seen: set[TableName] = set()
    for repoint in fold.repoints:
        child = fold.schema[repoint.child]
        if repoint.change is ChildChange.VALUES and child.name not in seen and child.name != spec.target:
            seen.add(child.name)
            what = f"the values of its key to {repoint.source} change"
            line = line_of(fold, child.name, names_of(repoint), repoint.source)
            yield from _without_identity(child, child.updates_shipped_by, what, line)
    for source in fold.lens.sources:
        shipped = source.table.deletes_shipped_by
        yield from _without_identity(source.table, shipped, "a rollback writes its edited rows again", source.spec.line)
    target = fold.schema[spec.target]
    shipped = tuple(dict.fromkeys((*target.updates_shipped_by, *target.deletes_shipped_by)))
    yield from _without_identity(target, shipped, "a rollback takes rows out of it again", spec.target_line)


def _without_identity(table: Table, shipped_by: Iterable[str], what: str, line: int | None) -> Iterator[Finding]:
    publications = listed(shipped_by)
    if not publications or has_identity(table):
        return
    message = f"{table.name} is published by {publications} and has no replica identity, and {what}"
    key = next((index for index in table.indexes if _may_identify(table, index)), None)
    chosen = f"USING INDEX {key.name}" if key is not None else "FULL"
    yield error(
        "replica_identity", str(table.name), message, f"run ALTER TABLE {table.name} REPLICA IDENTITY {chosen};", line
    )


def has_identity(table: Table) -> bool:
    """Whether a publication can say which row was updated or deleted (manual 29.1)."""
    match table.replica_identity:
        case "f":
            return True
        case "d":
            return any(index.primary and index.valid and index.immediate for index in table.indexes)
        case "i":
            return any(index.replica_identity and index.valid for index in table.indexes)
        case _:
            return False


def _may_identify(table: Table, index: Index) -> bool:
    """A unique index that is whole, immediate, and over columns that are NOT NULL (manual, ALTER TABLE)."""
    whole = index.unique and index.valid and index.immediate and index.predicate is None
    return whole and all(column is not None and table[column].not_null for column in index.columns)
