"""Changes of the target while its rows are looked at before the lock: their keys are noted, and looked at again."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import names
from pipelines.core.fold import Fold
from pipelines.core.names import Keeping
from pipelines.core.relations import identifiers, joined, target_key
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.back.homeward import defined

_SQL = load_sql("pipelines.steps.back", "target_capture.sql")
_KINDS = {
    "row": "AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW",
    "truncate": "AFTER TRUNCATE ON {} FOR EACH STATEMENT",
}


def changed(fold: Fold) -> TableName:
    """Where the keys stand; one with a NULL says that the table was emptied."""
    return names.keeping(Keeping.CHANGED, fold.name, fold.lens.target.name)


def make(fold: Fold) -> Iterator[Statement]:
    """The table and the functions, in one transaction."""
    columns = names.key_columns("k", len(fold.lens.key))
    yield Statement(
        f"make the table of changed keys of {fold.lens.target.name}",
        sql.SQL(_SQL["create"]).format(
            table=changed(fold).identifier,
            columns=joined(defined(name, column) for name, column in zip(columns, fold.lens.key, strict=True)),
        ),
    )
    shared = {"changed": changed(fold).identifier}
    key = target_key(fold.lens)
    yield Statement(
        f"make the function that notes changed keys of {fold.lens.target.name}",
        sql.SQL(_SQL["row_function"]).format(
            function=_function(fold, "row"), old=identifiers(key, "old"), new=identifiers(key, "new"), **shared
        ),
    )
    yield Statement(
        f"make the function that notes that {fold.lens.target.name} was emptied",
        sql.SQL(_SQL["truncate_function"]).format(function=_function(fold, "truncate"), **shared),
    )


def start(fold: Fold) -> Iterator[Statement]:
    """What locks the target; each runs alone, with many short tries. They wait for writers that are under way."""
    for kind, when in _KINDS.items():
        yield Statement(
            f"note changes of {fold.lens.target.name} ({kind})",
            sql.SQL(_SQL["trigger"]).format(
                trigger=_trigger(fold, kind),
                when=sql.SQL(when).format(fold.lens.target.name.identifier),
                function=_function(fold, kind),
                target=fold.lens.target.name.identifier,
            ),
        )


def stop(fold: Fold) -> Iterator[Statement]:
    """Drop the triggers; under a lock of the target."""
    for kind in _KINDS:
        yield Statement(
            f"note changes of {fold.lens.target.name} no more ({kind})",
            sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(_trigger(fold, kind), fold.lens.target.name.identifier),
        )


def forget(fold: Fold) -> Iterator[Statement]:
    """Drop the functions and the table, once no trigger calls them."""
    for kind in _KINDS:
        yield Statement(
            f"drop the function that noted changes of {fold.lens.target.name} ({kind})",
            sql.SQL("DROP FUNCTION IF EXISTS {}()").format(_function(fold, kind)),
        )
    yield Statement(
        f"drop the changed keys of {fold.lens.target.name}",
        sql.SQL("DROP TABLE IF EXISTS {}").format(changed(fold).identifier),
    )


def _function(fold: Fold, kind: str) -> sql.Identifier:
    return sql.Identifier(names.OWN_SCHEMA, f"note_{kind}_{fold.name}")


def _trigger(fold: Fold, kind: str) -> sql.Identifier:
    return sql.Identifier(f"pgfold_note_{kind}_{fold.name}")
