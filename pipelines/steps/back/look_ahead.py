"""Look ahead: rows are compared before the lock, where it takes nobody's time; under it only what changed since.

Needs `target_capture`: each row of the target that was written since the comparison began is compared again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.fold import Fold
from pipelines.core.relations import identifiers, joined
from pipelines.core.schema import Column
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.back import home_values, homeward, kept_writing, target_capture
from pipelines.steps.back.homeward import TEMPORARY, Homeward, defined
from pipelines.steps.rows import kept
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps.back", "look_ahead.sql")
SEEN = sql.Identifier(TEMPORARY, "pgfold_seen_again")


def create(fold: Fold, homes: Sequence[Homeward]) -> Iterator[Statement]:
    """Where the keys stand that are looked at again: of the target, and of each source."""
    columns = zip(names.key_columns("k", len(fold.lens.key)), fold.lens.key, strict=True)
    yield from _table(SEEN, [defined(name, column) for name, column in columns])
    for home in homes:
        keys = zip(relations.source_key_in_map(home.source), home.source.key, strict=True)
        yield from _table(again(home), [defined(name, column) for name, column in keys])


def _table(table: sql.Identifier, columns: list[sql.Composed]) -> Iterator[Statement]:
    yield Statement("drop a table of keys to look at again", sql.SQL("DROP TABLE IF EXISTS {}").format(table))
    yield Statement(
        "make a table of keys to look at again",
        sql.SQL("CREATE TEMPORARY TABLE {} ({})").format(table, joined(columns)),
    )


def again(home: Homeward) -> sql.Identifier:
    """The source keys of rows that are looked at again."""
    return sql.Identifier(TEMPORARY, f"pgfold_again_{home.source.number}")


def look(session: Session, homes: Sequence[Homeward], extra: Sequence[Column]) -> None:
    """Before the locks: compare every row, and keep what unedited ones say beyond their source rows."""
    for home in homes:
        session.execute_all(homeward.fill(home))
        session.execute_all(home_values.take_back(home))
        session.execute_all(kept_writing.prepare(home))
        session.execute(kept_writing.keep(home, extra, _unedited(home)))


def _unedited(home: Homeward) -> sql.Composed:
    return sql.SQL("NOT EXISTS (SELECT FROM {} h WHERE {})").format(home.table, home.same_target())


def catch_up(session: Session, fold: Fold, homes: Sequence[Homeward]) -> None:
    """Under the lock: compare again what was written since, and forget what was kept for it."""
    session.execute(
        Statement(
            f"take the changed keys of {fold.lens.target.name}",
            sql.SQL(_SQL["take"]).format(seen=SEEN, changed=target_capture.changed(fold).identifier),
        )
    )
    for home in homes:
        session.execute_all(_again(home))


def _again(home: Homeward) -> Iterator[Statement]:
    in_map, key = relations.source_key_in_map(home.source), names.key_columns("k", len(home.fold.lens.key))
    target_in_map = relations.target_key_in_map(home.fold.lens)
    same_again = relations.same_key("a", in_map, "m", in_map)
    shared = {"again": again(home), "home": home.table, "seen": SEEN}
    yield Statement(
        f"find the rows of {home.source.name} to look at again",
        sql.SQL(_SQL["find_again"]).format(
            map=home.row_map,
            keys=identifiers(in_map, "m"),
            home_keys=identifiers(home.source_keys, "h"),
            by_map=relations.same_key("k", key, "m", target_in_map),
            by_home=relations.same_key("k", key, "h", home.target_keys),
            emptied=sql.SQL("k.{} IS NULL").format(sql.Identifier(key[0])),
            homeless=sql.SQL("m.{} IS NULL").format(sql.Identifier(target_in_map[0])),
            **shared,
        ),
    )
    yield Statement(f"measure the rows of {home.source.name} to look at again",
                    sql.SQL("ANALYZE {}").format(again(home)))  # fmt: skip
    yield Statement(
        f"forget how rows of {home.source.name} differed",
        sql.SQL(_SQL["forget_home"]).format(same=home.same_source("a", in_map), **shared),
    )
    yield Statement(
        f"forget what was kept for rows of {home.source.name}",
        sql.SQL(_SQL["forget_kept"]).format(
            kept=kept.table(home.fold, home.source.name).identifier,
            same=relations.same_key("o", names.key_columns("k", len(home.source.key)), "a", in_map),
            **shared,
        ),
    )
    yield from homeward.fill(home, sql.SQL("EXISTS (SELECT FROM {} a WHERE {})").format(again(home), same_again))
    yield from home_values.take_back(
        home, sql.SQL("EXISTS (SELECT FROM {} a WHERE {})").format(again(home), home.same_source("a", in_map))
    )


def keep_the_rest(home: Homeward, extra: Sequence[Column]) -> Statement:
    """Once the rows are home: what was not kept before, since the row differed or was written since."""
    key = names.key_columns("k", len(home.fold.lens.key))
    seen = relations.same_key("k", key, "t", relations.target_key(home.fold.lens))
    written_since = sql.SQL("EXISTS (SELECT FROM {} k WHERE {})").format(SEEN, seen)
    return kept_writing.keep(home, extra, sql.SQL("(NOT {} OR {})").format(_unedited(home), written_since))
