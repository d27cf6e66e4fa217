"""Change capture: the keys of source rows that are written while the fold is on its way (POSTGRES.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from pipelines.core import names
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.names import Keeping
from pipelines.core.relations import identifiers, key_names
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.ddl import run_short
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps.rows", "capture.sql")

TRIGGER = "pgfold_capture"
TRUNCATE_TRIGGER = "pgfold_no_truncate"


def capture_function(fold: Fold, table: TableName) -> TableName:
    """The name of the trigger function of one source."""
    return TableName(names.OWN_SCHEMA, names.keeping(Keeping.CHANGED, fold.name, table).name)


def start_capture(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """The trigger's function, then the triggers in one statement each; they wait for writers that are under way."""
    function = capture_function(fold, source.name)
    yield Statement(
        f"make the capture function of {source.name}",
        sql.SQL(_SQL["capture_function"]).format(
            function=function.identifier,
            changed=names.keeping(Keeping.CHANGED, fold.name, source.name).identifier,
            old=identifiers(key_names(source), "old"),
            new=identifiers(key_names(source), "new"),
        ),
    )
    yield Statement(
        f"make the function that refuses TRUNCATE of {source.name}",
        sql.SQL(_SQL["truncate_function"]).format(
            function=truncate_function(fold, source.name).identifier,
            message=sql.Literal(
                f"{source.name} is being folded ({fold.name}): use DELETE, or pgfold rollback {fold.name}"
            ),
        ),
    )


def start_triggers(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """What takes a lock on the source; run apart, with many short tries."""
    for name, when, function in (
        (TRIGGER, sql.SQL("AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW"), capture_function(fold, source.name)),
        (TRUNCATE_TRIGGER, sql.SQL("BEFORE TRUNCATE ON {} FOR EACH STATEMENT"), truncate_function(fold, source.name)),
    ):
        yield Statement(
            f"capture the changes of {source.name} ({name})",
            sql.SQL(
                "DO $pgfold$ BEGIN"
                " CREATE OR REPLACE TRIGGER {name} {when} EXECUTE FUNCTION {function}();"
                " ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}; END $pgfold$"
            ).format(
                name=sql.Identifier(name),
                when=when.format(source.name.identifier),
                function=function.identifier,
                table=source.name.identifier,
            ),
        )


def stop_capture(fold: Fold, source: SourceLens, table: TableName) -> Iterator[Statement]:
    """Drop the triggers from `table`, where the source stands at the moment."""
    for name in (TRIGGER, TRUNCATE_TRIGGER):
        yield Statement(
            f"stop capturing the changes of {source.name} ({name})",
            sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(sql.Identifier(name), table.identifier),
        )


def drop_capture_functions(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """Once no trigger calls them."""
    for function in (capture_function(fold, source.name), truncate_function(fold, source.name)):
        yield Statement(
            f"drop the capture function of {source.name}",
            sql.SQL("DROP FUNCTION IF EXISTS {}()").format(function.identifier),
        )


def truncate_function(fold: Fold, table: TableName) -> TableName:
    """The name of the function that refuses TRUNCATE."""
    name = names.keeping(Keeping.CHANGED, fold.name, table).name
    return TableName(names.OWN_SCHEMA, name.replace(Keeping.CHANGED, "truncate", 1))


@dataclass(frozen=True, slots=True)
class Mark:
    """How a source's capture stands: whether it catches every write, and what is another one after any change of it."""

    held: bool
    trigger: str  # its oid, and the transaction that wrote it last: also of one that was disabled and enabled again
    file: int  # where the rows are: another one after they were rewritten


def marks(fold: Fold, session: Session) -> tuple[Mark, ...]:
    """How the capture of each source stands, in the spec's order."""
    found = session.together(capture_state(source) for source in fold.lens.sources)
    return tuple(Mark(*cursor.fetchall()[0]) for cursor in found)


def mend(fold: Fold, session: Session) -> None:
    """Capture again where somebody dropped or disabled the triggers; what was written meanwhile is for the sweep.

    Raises:
        LockNotAvailable: the source's lock was not had within lock_wait.
    """
    for source, mark in zip(fold.lens.sources, marks(fold, session), strict=True):
        if not mark.held:
            session.execute_all(start_capture(fold, source))
            for statement in start_triggers(fold, source):
                run_short(session, statement, fold.spec, source.name)


def capture_state(source: SourceLens) -> Statement:
    """One row: the fields of `Mark`."""
    return Statement(
        f"see whether the capture of {source.name} holds",
        sql.SQL(_SQL["capture_state"]).format(
            table=sql.Literal(regclass(source.name)),
            trigger=sql.Literal(TRIGGER),
            truncate_trigger=sql.Literal(TRUNCATE_TRIGGER),
        ),
    )


def regclass(table: TableName) -> str:
    """The quoted name, as a cast to regclass reads it."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in (table.schema, table.name))
