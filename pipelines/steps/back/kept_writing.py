"""What the target says that its sources cannot is kept for the next fold (DESIGN.md, section 3, rule 5).

Written once the rows are home: what differs from the forward of a row as it went home. `kept` reads it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.equality import output_of, rows_differ
from pipelines.core.expression import cast, trusted
from pipelines.core.fold import Fold
from pipelines.core.lens import Lens, Making, Placement
from pipelines.core.place import Place
from pipelines.core.placement import default_of
from pipelines.core.relations import identifiers, joined
from pipelines.core.schema import Column
from pipelines.core.statement import Statement
from pipelines.core.three_way import document_seen, readable_document
from pipelines.database.named_sql import load_sql
from pipelines.steps.back.homeward import EVERY_ROW, Homeward
from pipelines.steps.rows import kept

_SQL = load_sql("pipelines.steps.back", "kept_writing.sql")
_EMPTY = sql.SQL("'{}'::pg_catalog.jsonb")


def prepare(home: Homeward) -> Iterator[Statement]:
    """The table, empty, and the functions."""
    yield from kept.create_kept(home.fold, home.source)
    table = kept.table(home.fold, home.source.name)
    yield Statement(
        f"let go of older kept values of {home.source.name}", sql.SQL("DELETE FROM {}").format(table.identifier)
    )
    yield Statement("make the function that takes a value out of a document", sql.SQL(_SQL["without_path"]).format())


def keep(home: Homeward, extra: Sequence[Column] = (), among: sql.Composable = EVERY_ROW) -> Statement:
    """The values of the target's rows that go home, beside their source rows as they stand in the archive.

    `extra` are columns that the target got while the fold was in force; `among` is a condition on the target row `t`.
    """
    table = kept.table(home.fold, home.source.name)
    lens, compared = home.fold.lens, _compared(home)
    always = [_always(column) for column in _always_kept(home, extra)]
    differs = _differs(lens, compared)
    forwards = joined([f for p in compared for f in _forwards(lens, p)] or [_EMPTY], " || ")
    values = joined([k for p in compared for k in _kept(lens, p)] or [_EMPTY], " || ")
    return Statement(
        f"keep what {lens.target.name} says that {home.source.name} cannot",
        sql.SQL(_SQL["keep"]).format(
            table=table.identifier,
            columns=identifiers(names.key_columns("k", len(home.source.key))),
            key=identifiers(relations.key_names(home.source), "s"),
            forwards=sql.SQL("CASE WHEN {} THEN {} ELSE {} END").format(differs, forwards, _EMPTY),
            kept=sql.SQL("{} || CASE WHEN {} THEN {} ELSE {} END").format(
                joined(always or [_EMPTY], " || "), differs, values, _EMPTY
            ),
            map=home.row_map,
            archived=home.archived.identifier,
            mapped=home.mapped(),
            target=lens.target.name.identifier,
            there=home.there(),
            any=says_more(home, extra),
            among=among,
        ),
    )


def says_more(home: Homeward, extra: Sequence[Column] = ()) -> sql.Composable:
    """True for a target row `t` that says something which its source row `s` does not."""
    return sql.SQL("true") if _always_kept(home, extra) else _differs(home.fold.lens, _compared(home))


def _compared(home: Homeward) -> list[Placement]:
    return [p for p in home.source.placements if p.value is not None and not _is_drawn(p)]


def _always_kept(home: Homeward, extra: Sequence[Column]) -> list[Column]:
    return [*(p.column for p in home.source.placements if _is_drawn(p)), *extra]


def keep_own(fold: Fold, leaving: Sequence[str], *, folded: bool = True) -> Iterator[Statement]:
    """The values of columns that leave, in the target's own rows, which are all that are there now.

    `folded`: there was a cut-over. Before it a drawn column may not be filled yet, and what an earlier fold kept is not
    in the rows yet: there NULL says nothing, and a value that was kept is not replaced by one that was drawn since.
    """
    if not leaving:
        return
    columns = [fold.lens.target[name] for name in leaving]
    drawn = [] if folded else [column for column in columns if _draws(column)]
    yield kept.create_own_kept(fold)
    yield Statement(
        f"keep the values of columns that leave {fold.lens.target.name}",
        sql.SQL(_SQL["keep_own"]).format(
            table=kept.table(fold, fold.lens.target.name).identifier,
            columns=identifiers(names.key_columns("k", len(fold.lens.key))),
            key=identifiers(relations.target_key(fold.lens), "t"),
            kept=joined((_where(_says_more(fold.lens, c, c in drawn), _always(c)) for c in columns), " || "),
            target=fold.lens.target.name.identifier,
            any=joined((_says_more(fold.lens, c, c in drawn) for c in columns), " OR "),
            others=sql.SQL("{}::pg_catalog.text[]").format(
                sql.Literal([column.name for column in columns if column not in drawn])
            ),
            conflict=identifiers(names.key_columns("k", len(fold.lens.key))),
        ),
    )


def own_says_more(fold: Fold, leaving: Sequence[str]) -> sql.Composed:
    """True for a target row `t` that has more than the default in a column which leaves."""
    return joined((_is_not_default(fold.lens, fold.lens.target[name]) for name in leaving), " OR ")


def text_of(value: sql.Composable) -> sql.Composed:
    """A value by its output function; a cast to text cuts the blanks of bpchar."""
    return sql.SQL("CASE WHEN {0} IS NOT DISTINCT FROM NULL THEN NULL ELSE pg_catalog.format('%s', {0}) END").format(
        value
    )


def _is_drawn(placement: Placement) -> bool:
    """A default that would be another one if it were drawn again."""
    return placement.making is Making.DEFAULT and _draws(placement.column)


def _draws(column: Column) -> bool:
    return column.default_is_volatile or bool(column.identity)


def _said(placement: Placement) -> sql.Composed:
    assert placement.value is not None
    return cast(placement.value, placement.column.type.sql).on("s")


def _differs(lens: Lens, placements: Sequence[Placement]) -> sql.Composable:
    if not placements:
        return sql.SQL("false")
    there = [sql.Identifier("t", p.column.name) for p in placements]
    return rows_differ(there, [_said(p) for p in placements])


def _forwards(lens: Lens, placement: Placement) -> Iterator[sql.Composable]:
    """By place, in output form, what the row as it went home becomes; a default is no forward."""
    if placement.making is Making.DEFAULT:
        return
    column = placement.column
    yield _where(_differs(lens, [placement]), _object(str(Place(column.name)), output_of(_as_refold_says(placement))))
    for path, expression in placement.paths:
        place, forward = Place(column.name, path), expression.on("s")
        yield _where(_path_differs(column, path, forward), _object(str(place), output_of(forward)))


def _as_refold_says(placement: Placement) -> sql.Composed:
    """Cast as `kept.value` casts it, so that the texts can be compared."""
    assert placement.value is not None
    bare = placement.column.type.bare or placement.column.type.sql
    return sql.SQL("({})::{}::{}").format(placement.value.on("s"), trusted(bare), trusted(placement.column.type.sql))


def _kept(lens: Lens, placement: Placement) -> Iterator[sql.Composable]:
    """By place, what the target says instead: text for a column, jsonb for a path and for the rest of a document."""
    column = placement.column
    differs = _differs(lens, [placement])
    yield _where(differs, _always(column))
    if not placement.paths:
        return
    document = readable_document(column, "t")
    rest: sql.Composable = document
    for path, _ in placement.paths:
        rest = sql.SQL("pgfold.without_path({}, {}::pg_catalog.text[])").format(rest, sql.Literal(list(path)))
    present = sql.SQL("{} AND {} IS NOT NULL").format(differs, document)
    yield _where(present, _object(kept.rest_of(column.name), rest))
    for path, expression in placement.paths:
        place, forward = Place(column.name, path), expression.on("s")
        value = document_seen(place, column, "t")
        present = sql.SQL("{} AND {} IS NOT NULL").format(_path_differs(column, path, forward), value)
        yield _where(present, _object(str(place), _unless_unreadable(column, value, forward)))


def _unless_unreadable(column: Column, value: sql.Composable, forward: sql.Composable) -> sql.Composable:
    """Of a document that jsonb cannot hold only the whole can be said again; its parts are as the source says."""
    if column.type.bare == "jsonb":
        return value
    return sql.SQL("CASE WHEN {} IS NULL THEN COALESCE({}, 'null'::pg_catalog.jsonb) ELSE {} END").format(
        readable_document(column, "t"), forward, value
    )


def _path_differs(column: Column, path: tuple[str, ...], forward: sql.Composed) -> sql.Composed:
    """True also for a path that is missing: its absence is kept."""
    value = document_seen(Place(column.name, path), column, "t")
    written = sql.SQL("COALESCE({}, 'null'::pg_catalog.jsonb)").format(forward)
    return sql.SQL("({} IS NULL OR {})").format(value, rows_differ([value], [written]))


def _always(column: Column) -> sql.Composed:
    return _object(column.name, text_of(sql.Identifier("t", column.name)))


def _is_not_default(lens: Lens, column: Column) -> sql.Composable:
    if _draws(column):
        return sql.SQL("true")
    default = cast(default_of(column, lens.target), column.type.sql).on("t")
    return rows_differ([sql.Identifier("t", column.name)], [default])


def _says_more(lens: Lens, column: Column, may_be_empty: bool) -> sql.Composable:
    if may_be_empty:
        return sql.SQL("{} IS DISTINCT FROM NULL").format(sql.Identifier("t", column.name))
    return _is_not_default(lens, column)


def _where(test: sql.Composable, made: sql.Composable) -> sql.Composed:
    return sql.SQL("CASE WHEN {} THEN {} ELSE {} END").format(test, made, _EMPTY)


def _object(name: str, value: sql.Composable) -> sql.Composed:
    return sql.SQL("pg_catalog.jsonb_build_object({}::pg_catalog.text, {})").format(sql.Literal(name), value)
