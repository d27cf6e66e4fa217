"""Added columns whose default is another value each time: the target's own rows get theirs in batches.

ADD COLUMN with such a default would write the whole table again, while nobody may read it (PostgreSQL manual, ALTER
TABLE, Notes). So the column comes empty, its default counts for new rows from then on, and the rows that are there are
filled a few at a time. A row without a value is one that is still to be filled: that is the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from psycopg import sql

from pipelines.core import relations
from pipelines.core.expression import trusted
from pipelines.core.fold import Fold
from pipelines.core.lens import Lens
from pipelines.core.relations import joined
from pipelines.core.schema import TableName
from pipelines.core.spec import AddColumn
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.ddl import run_short
from pipelines.steps.rows import firing
from pipelines.steps.rows.capture import regclass
from pipelines.steps.rows.firing import Firing
from pipelines.steps.rows.mapping import Key, Range
from pipelines.steps.session import Progress, Session

_SQL = load_sql("pipelines.steps", "added_values.sql")
_MOST_ROWS = 2000  # locked at once: whoever writes one of them waits for the batch


def drawn(fold: Fold) -> tuple[AddColumn, ...]:
    """The added columns that are filled so."""
    return tuple(added for added in fold.added if fold.lens.target[added.name].default_is_volatile)


def statements(fold: Fold) -> Iterator[Statement]:
    """The SQL, in order; the batches are shown once, over all keys."""
    yield from fill(fold, Range(), drawn(fold))
    for column in _required(fold):
        yield require_from_now(fold, column)
        yield from fill(fold, Range(), (column,))
        yield from require(fold, column)


def apply(fold: Fold, session: Session) -> None:
    """Fill what is empty, then let NOT NULL hold where it is asked for; a rerun goes on.

    Raises:
        LockNotAvailable: a row's or the table's lock was not had within lock_wait; a rerun goes on.
    """
    for rows in _batches(fold, session) if drawn(fold) else ():
        _run(fold, session, fill(fold, rows, drawn(fold)), _awake(fold, session))
    for column in _required(fold):
        _run(fold, session, (require_from_now(fold, column),))
        _run(fold, session, fill(fold, Range(), (column,)), _awake(fold, session))
        _run(fold, session, require(fold, column))


def _required(fold: Fold) -> tuple[AddColumn, ...]:
    return tuple(added for added in drawn(fold) if added.not_null)


def _awake(fold: Fold, session: Session) -> tuple[Firing, ...]:
    return firing.firing(session, (fold.lens.target.name,))


def _run(fold: Fold, session: Session, statements: Iterable[Statement], awake: Sequence[Firing] = ()) -> None:
    """Each in a transaction of its own, in which triggers sleep that would take it for somebody's edit."""
    for statement in statements:
        queries = (*firing.silence(awake), statement, *firing.wake(awake)) if awake else (statement,)
        together = Statement(statement.purpose, joined((s.query for s in queries), "; "))
        run_short(session, together, fold.spec, fold.lens.target.name)


def _batches(fold: Fold, session: Session) -> Iterator[Range]:
    """Ranges in key order; then all at once, for rows whose key moved meanwhile."""
    start: Key | None = None
    done = 0
    while rows := session.rows(next_end(fold, start)):
        end = tuple(str(value) for value in rows[0][0])
        yield Range(start, end)
        start, done = end, done + batch_rows(fold)
        session.tell(Progress("add_columns", done, None, f"fill new columns of {fold.lens.target.name}"))
    yield Range(start)
    if start is not None:
        yield Range()


def batch_rows(fold: Fold) -> int:
    """How many rows are filled at once."""
    return min(fold.spec.batch_rows, _MOST_ROWS)


def next_end(fold: Fold, start: Key | None) -> Statement:
    """The last key of the batch after `start`; no row where fewer are left than a batch has."""
    key = [sql.Identifier("t", name) for name in relations.target_key(fold.lens)]
    return Statement(
        f"find the next rows of {fold.lens.target.name} to fill",
        sql.SQL(_SQL["next_end"]).format(
            key_text=relations.output_array(key),
            target=fold.lens.target.name.identifier,
            rows=_among(fold.lens, Range(start)),
            key=joined(key),
            before=sql.Literal(batch_rows(fold) - 1),
        ),
    )


def fill(fold: Fold, rows: Range, columns: Sequence[AddColumn]) -> Iterator[Statement]:
    """Rows that have none of them get all at once; then each column alone, which others may have written meanwhile."""
    if columns:
        yield _fill(fold, rows, columns)
    for column in columns if len(columns) > 1 else ():
        yield _fill(fold, rows, (column,))


def _fill(fold: Fold, rows: Range, columns: Sequence[AddColumn]) -> Statement:
    # IS NULL would also be true for a row of NULLs
    empty = (sql.SQL("t.{} IS NOT DISTINCT FROM NULL").format(sql.Identifier(c.name)) for c in columns)
    return Statement(
        f"give the rows of {fold.lens.target.name} that have none their {', '.join(c.name for c in columns)}",
        sql.SQL(_SQL["fill"]).format(
            target=fold.lens.target.name.identifier,
            values=joined(sql.SQL("{} = DEFAULT").format(sql.Identifier(c.name)) for c in columns),
            rows=_among(fold.lens, rows),
            empty=joined(empty, " AND "),
        ),
    )


def _among(lens: Lens, rows: Range) -> sql.Composable:
    bounds = [
        sql.SQL("({}) {} ({})").format(
            relations.identifiers(relations.target_key(lens), "t"),
            trusted(operator),
            joined(sql.SQL("{}::{}").format(sql.Literal(text), trusted(column.type.sql))
                   for column, text in zip(lens.key, bound, strict=True)),
        )
        for operator, bound in ((">", rows.start), ("<=", rows.end))
        if bound is not None
    ]  # fmt: skip
    return joined(bounds, " AND ") if bounds else sql.SQL("true")


def require_from_now(fold: Fold, column: AddColumn) -> Statement:
    """No row may come without a value; those that are there are looked at later."""
    target = fold.lens.target.name
    return Statement(
        f"let no new row of {target} be without {column.name}",
        sql.SQL(_SQL["require_from_now"]).format(
            table_literal=sql.Literal(regclass(target)),
            name_literal=sql.Literal(not_null_name(target, column.name)),
            table=target.identifier,
            name=sql.Identifier(not_null_name(target, column.name)),
            column=sql.Identifier(column.name),
        ),
    )


def require(fold: Fold, column: AddColumn) -> Iterator[Statement]:
    """SET NOT NULL reads no row where a valid check says the same (manual, ALTER TABLE)."""
    target, check = fold.lens.target.name, sql.Identifier(not_null_name(fold.lens.target.name, column.name))
    for purpose, action in (
        (f"see that every row of {target} has its {column.name}", sql.SQL("VALIDATE CONSTRAINT {}").format(check)),
        (
            f"let {target}.{column.name} be NOT NULL",
            sql.SQL("ALTER COLUMN {} SET NOT NULL").format(sql.Identifier(column.name)),
        ),
        (f"drop the check that {column.name} is there", sql.SQL("DROP CONSTRAINT {}").format(check)),
    ):
        yield Statement(purpose, sql.SQL("ALTER TABLE {} {}").format(target.identifier, action))


def not_null_name(target: TableName, column: str) -> str:
    """The name of the check that goes before NOT NULL, in 63 bytes."""
    return f"{target.name[:22]}_{column[:22]}_filled_pgfold"
