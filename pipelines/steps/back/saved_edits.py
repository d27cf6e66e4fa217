"""What does not go home is saved beside the backup too, as lines of JSON that anybody can read.

Each line names the table, the row's key and why it is there; values are text in output form, null for NULL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from psycopg import sql

from pipelines.core import relations
from pipelines.core.json_rows import COPY_FORMAT
from pipelines.core.relations import joined
from pipelines.core.statement import Statement
from pipelines.core.three_way import placed, seen
from pipelines.database.named_sql import load_sql
from pipelines.steps.back import kept_writing
from pipelines.steps.back.homeward import Homeward, goes_home
from pipelines.steps.back.kept_writing import text_of
from pipelines.steps.session import Session, explained

_SQL = load_sql("pipelines.steps.back", "saved_edits.sql")


def save_dropped(homes: Sequence[Homeward], leaving: Sequence[str], folder: Path, session: Session) -> tuple[Path, ...]:
    """Every row of the target that says more than its source had at the cut-over, where such edits are dropped."""
    return _save(dropped(homes, leaving), folder / f"dropped-edits-{str(session.run)[:8]}.jsonl", session)


def dropped(homes: Sequence[Homeward], leaving: Sequence[str]) -> list[sql.Composed]:
    """The queries for that, one line a row."""
    dropping = [home for home in homes if home.to_backup]
    queries = [query for home in dropping for query in (_changed(home), _deleted(home))]
    if dropping and leaving:
        queries.append(_own(dropping[0], leaving))
    return queries


def copied(queries: Sequence[sql.Composed]) -> sql.Composed:
    """Their lines as they are."""
    every = joined([sql.SQL("({})").format(query) for query in queries], " UNION ALL ")
    return sql.SQL("COPY ({}) TO STDOUT {}").format(every, sql.SQL(COPY_FORMAT))


def save_aside(homes: Sequence[Homeward], folder: Path, session: Session) -> tuple[Path, ...]:
    """Rows and values that the next fold puts back."""
    queries = [_values_aside(home) for home in homes]
    queries.append(sql.SQL(_SQL["rows_aside"]).format(run=sql.Literal(session.run)))
    return _save(queries, folder / f"set-aside-{str(session.run)[:8]}.jsonl", session)


def _changed(home: Homeward) -> sql.Composed:
    return sql.SQL(_SQL["changed"]).format(
        says_more=kept_writing.says_more(home),
        map=home.row_map,
        archived=home.archived.identifier,
        mapped=home.mapped(),
        there=home.there(),
        first=sql.Identifier("s", relations.key_names(home.source)[0]),
        **_row(home),
    )


def _deleted(home: Homeward) -> sql.Composed:
    return sql.SQL(_SQL["deleted"]).format(
        table=sql.Literal(str(home.source.name)),
        key=relations.output_array([sql.Identifier("h", name) for name in home.source_keys]),
        home=home.table,
        fate=home.at("fate"),
    )


def _own(home: Homeward, leaving: Sequence[str]) -> sql.Composed:
    return sql.SQL(_SQL["own"]).format(
        says_more=kept_writing.own_says_more(home.fold, leaving), going=goes_home(home.fold), **_row(home)
    )


def _row(home: Homeward) -> dict[str, sql.Composable]:
    lens = home.fold.lens
    columns = [column for column in lens.target.columns if not column.generated]
    return {
        "table": sql.Literal(str(lens.target.name)),
        "key": relations.output_array([sql.Identifier("t", name) for name in relations.target_key(lens)]),
        "names": sql.SQL("{}::pg_catalog.text[]").format(sql.Literal([column.name for column in columns])),
        "values": joined(text_of(sql.Identifier("t", column.name)) for column in columns),
        "target": lens.target.name.identifier,
    }


def _values_aside(home: Homeward) -> sql.Composed:
    rules = placed(home.source)
    values = [
        sql.SQL("CASE WHEN {} = ANY ({}) THEN {} END").format(
            sql.Literal(rule.column.name), home.at("aside"), text_of(seen(home.fold.lens, rule))
        )
        for rule in rules
    ]
    return sql.SQL(_SQL["values_aside"]).format(
        table=sql.Literal(str(home.fold.lens.target.name)),
        key=home.target_key_text(),
        home=home.table,
        aside=home.at("aside"),
        names=sql.SQL("{}::pg_catalog.text[]").format(sql.Literal([str(rule.place) for rule in rules])),
        values=joined(values or [sql.SQL("NULL::pg_catalog.text")]),
        target=home.fold.lens.target.name.identifier,
        same=home.same_target(),
    )


def _save(queries: Sequence[sql.Composed], path: Path, session: Session) -> tuple[Path, ...]:
    """Written before the commit: what is dropped must be on disk first. No file where there is no line."""
    if not queries:
        return ()
    lines = _lines(queries, session)
    first = next(lines, None)
    if first is None:
        return ()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("wb") as file:
        path.chmod(0o600)
        file.write(first)
        file.writelines(lines)
    return (path,)


def _lines(queries: Sequence[sql.Composed], session: Session) -> Iterator[bytes]:
    statement = Statement("save what does not go home", copied(queries))
    with explained(statement.purpose), session.connection.cursor() as cursor, cursor.copy(statement.query) as copy:
        for block in copy:
            yield bytes(block)
