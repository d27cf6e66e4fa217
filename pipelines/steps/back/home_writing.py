"""Rows go home: the archive is written where it differs, the row map follows, and the target lets go."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import relations
from pipelines.core.equality import images_differ
from pipelines.core.relations import identifiers, joined, key_names
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.back.homeward import Homeward

_SQL = load_sql("pipelines.steps.back", "home_writing.sql")


def write(home: Homeward) -> Iterator[Statement]:
    """What differs leaves the archive, and comes in again as it goes home: unique values may have swapped."""
    columns = [column.name for column in home.written]
    yield Statement(
        f"take the rows of {home.source.name} out that differ",
        sql.SQL(_SQL["take_out"]).format(same=home.same_source("s"), **_shared(home)),
    )
    yield Statement(
        f"write the rows of {home.source.name} as they go home",
        sql.SQL(_SQL["write"]).format(columns=identifiers(columns), values=identifiers(columns, "h"), **_shared(home)),
    )


def follow(home: Homeward) -> Iterator[Statement]:
    """The row map says where each row is, also one whose key was edited."""
    in_map = relations.source_key_in_map(home.source)
    moved = images_differ(
        [sql.Identifier("h", name) for name in home.source_keys],
        [sql.Identifier("h", name) for name in key_names(home.source)],
    )
    shared = {"same": home.same_source("m", in_map), "moved": moved, **_shared(home)}
    yield Statement(
        f"mark the rows of {home.source.name} as gone that were deleted",
        sql.SQL(_SQL["mark_gone"]).format(**shared),
    )
    yield Statement(
        f"forget the old keys of rows of {home.source.name}", sql.SQL(_SQL["forget_old_keys"]).format(**shared)
    )
    yield Statement(
        f"note the new keys of rows of {home.source.name}",
        sql.SQL(_SQL["note_new_keys"]).format(
            columns=identifiers((*in_map, *relations.target_key_in_map(home.fold.lens))),
            source_key=identifiers(key_names(home.source), "h"),
            target_key=identifiers(home.target_keys, "h"),
            key=identifiers(in_map),
            changes=joined(
                sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name))
                for name in relations.target_key_in_map(home.fold.lens)
            ),
            **shared,
        ),
    )


def let_go(home: Homeward) -> Statement:
    """The rows that went home leave the target."""
    return Statement(
        f"take the rows of {home.source.name} out of {home.fold.lens.target.name}",
        sql.SQL(_SQL["let_go"]).format(target=_target(home), map=home.row_map, there=home.there()),
    )


def settle(home: Homeward) -> Statement:
    """A row born in the target is one like any other from now on; where every edit was dropped, it is gone."""
    return Statement(
        f"note that the rows of {home.source.name} are home",
        sql.SQL(_SQL["settle"]).format(
            map=home.row_map,
            home=home.table,
            same=home.same_source("m", relations.source_key_in_map(home.source)),
            fate=home.at("fate"),
            state=sql.Literal("gone" if home.to_backup else "mapped"),
        ),
    )


def _target(home: Homeward) -> sql.Identifier:
    return home.fold.lens.target.name.identifier


def _shared(home: Homeward) -> dict[str, sql.Composable]:
    return {
        "archived": home.archived.identifier,
        "home": home.table,
        "map": home.row_map,
        "fate": home.at("fate"),
        "written": home.is_written(),
    }
