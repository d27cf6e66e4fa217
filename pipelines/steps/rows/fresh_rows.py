"""Fresh rows: the rows of changed keys as their sources have them now, in temporary tables of this session.

A pass reads them once, for all sources in one statement, and so at one moment: a row that moved from one source to
another, and a row with the one that it references, are seen together. What the pass writes, it writes from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.equality import images_differ
from pipelines.core.expression import trusted
from pipelines.core.fold import Fold
from pipelines.core.lens import Making, Placement, SourceLens
from pipelines.core.placement import default_of
from pipelines.core.relations import identifiers, joined, key_names
from pipelines.core.schema import Column, ColumnType
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows import kept, mapping, planning
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps.rows", "fresh_rows.sql")
_TEMPORARY = "pg_temp"


class Onto(Enum):
    """Where the rows stand that fresh ones replace."""

    STAGING = "staging"
    TARGET = "target"  # only rows of this very transaction


@dataclass(frozen=True, slots=True)
class Taken:
    """What a pass took of one source, in rows."""

    source: SourceLens
    keys: int
    gone: int  # of the map's, no longer in the source
    new: int  # to the map
    moved: int  # in the map, to another target key or back from being gone
    leaving: int  # standing rows that must go
    coming: int  # rows to be written


def table(source: SourceLens) -> sql.Identifier:
    """The fresh rows of one source."""
    return sql.Identifier(_TEMPORARY, f"pgfold_fresh_{source.number}")


def book(fold: Fold, name: str) -> sql.Identifier:
    """A column beside the target's own: `there`, `state`, `row`, `differs`."""
    return sql.Identifier(_booked(fold, name))


def _booked(fold: Fold, name: str) -> str:
    return names.staging_key_columns(fold.lens.target, 1)[0].removesuffix("1") + name


def homes(fold: Fold) -> tuple[str, ...]:
    """The target key that the row map had, before this pass."""
    return tuple(_booked(fold, f"home {n}") for n in range(1, len(fold.lens.key) + 1))


def create(fold: Fold) -> Iterator[Statement]:
    """Empty tables, outside of any transaction whose end would take them away."""
    for source in fold.lens.sources:
        columns = relations.staged_columns(fold.lens)
        yield Statement(
            f"drop the fresh rows of {source.name}", sql.SQL("DROP TABLE IF EXISTS {}").format(table(source))
        )
        yield Statement(
            f"make the table of fresh rows of {source.name}",
            sql.SQL(_SQL["create"]).format(
                fresh=table(source),
                keys=_defined(relations.staging_keys(fold.lens, source), source.key),
                homes=_defined(homes(fold), fold.lens.key),
                columns=_defined([c.name for c in columns], columns),
                **_books(fold),
            ),
        )


def _defined(columns: tuple[str, ...] | list[str], like: tuple[Column, ...]) -> sql.Composed:
    """Columns of these types without their rules: a row that is gone has no values, and a domain may want some."""
    return joined(
        sql.SQL("{} {}{}").format(
            sql.Identifier(name),
            trusted(_undomained(column.type)),
            trusted(f" COLLATE {column.collation}" if column.collation else ""),
        )
        for name, column in zip(columns, like, strict=True)
    )


def _undomained(of: ColumnType) -> str:
    return of.base or of.sql


def _books(fold: Fold) -> dict[str, sql.Composable]:
    return {name: book(fold, name) for name in ("there", "state", "row", "differs")}


def empty(fold: Fold) -> Iterator[Statement]:
    """Make room for the next pass of the same transaction."""
    for source in fold.lens.sources:
        yield Statement(f"empty the fresh rows of {source.name}", sql.SQL("TRUNCATE {}").format(table(source)))


def take(fold: Fold, onto: Onto, session: Session, *, refold: bool, limit: int | None = None) -> tuple[Taken, ...]:
    """Consume the keys that wait, each once, and read their rows; only sources that had any."""
    if not fold.lens.sources:
        return ()
    take_all = take_statement(fold, onto, refold=refold, limit=limit)
    *_, rows = session.together((*planning.by_index(), *empty(fold), take_all))
    by_number = {source.number: source for source in fold.lens.sources}
    taken = (Taken(by_number[number], *counts) for number, *counts in sorted(rows.fetchall()))
    return tuple(each for each in taken if each.keys)


def take_statement(fold: Fold, onto: Onto, *, refold: bool, limit: int | None = None) -> Statement:
    """One statement for all sources; a row a source: its number and the counts of `Taken`."""
    parts, counts = [], []
    for source in fold.lens.sources:
        parts += [_taken(fold, source, limit), _filled(fold, source, onto, refold=refold)]
        counts.append(
            sql.SQL(_SQL["counted"]).format(number=sql.Literal(source.number), filled=_part("filled", source))
        )
    listed = ", ".join(str(source.name) for source in fold.lens.sources)
    query = sql.SQL("WITH {} {}").format(joined(parts), joined(counts, " UNION ALL "))
    return Statement(f"read the changed rows of {listed}", query)


def _part(name: str, source: SourceLens) -> sql.Identifier:
    return sql.Identifier(f"{name}_{source.number}")


def _taken(fold: Fold, source: SourceLens, limit: int | None) -> sql.Composed:
    changed = mapping.changed(fold, source)
    limited = sql.SQL(_SQL["limited"]).format(changed=changed, limit=sql.Literal(limit)) if limit else sql.SQL("")
    return sql.SQL(_SQL["taken"]).format(
        taken=_part("taken", source),
        changed=changed,
        limit=limited,
        keys=identifiers(names.key_columns("k", len(source.key)), "c"),
    )


def _filled(fold: Fold, source: SourceLens, onto: Onto, *, refold: bool) -> sql.Composed:
    columns = relations.staged_columns(fold.lens)
    taken = names.key_columns("k", len(source.key))
    books = _books(fold)
    home = relations.target_key_in_map(fold.lens)
    written = [
        *(sql.Identifier(name) for name in relations.staging_keys(fold.lens, source)), books["there"],
        *(sql.Identifier(name) for name in homes(fold)), books["state"], books["row"], books["differs"],
        *(column.identifier for column in columns),
    ]  # fmt: skip
    standing, same_standing = _standing(fold, source, onto)
    return sql.SQL(_SQL["filled"]).format(
        filled=_part("filled", source),
        taken=_part("taken", source),
        fresh=table(source),
        columns=joined(written),
        keys=identifiers(taken),
        taken_keys=identifiers(taken, "k"),
        present=sql.SQL("(s.{} IS NOT NULL)").format(source.key[0].identifier),
        home=identifiers(home, "m"),
        source=source.name.identifier,
        same_source=relations.same_key("s", key_names(source), "k", taken),
        map=mapping.row_map(fold, source),
        same_map=relations.same_key("m", relations.source_key_in_map(source), "k", taken),
        standing=standing,
        same_standing=same_standing,
        kept=kept.join(fold, source) if refold else sql.SQL(""),
        made=joined(_made(fold, source, p, refold=refold) for p in source.placements),
        values=joined(sql.Identifier("v", column.name) for column in columns),
        differ=_differ(source),
        moves=_moves(fold),
        **books,
    )


def _standing(fold: Fold, source: SourceLens, onto: Onto) -> tuple[sql.Composable, sql.Composed]:
    """The relation `d`, and which of its rows is the one that the fresh row replaces."""
    match onto:
        case Onto.STAGING:
            taken = names.key_columns("k", len(source.key))
            same = relations.same_key("d", relations.staging_keys(fold.lens, source), "k", taken)
            return mapping.staged(fold, source), same
        case Onto.TARGET:
            home = relations.target_key_in_map(fold.lens)
            same = relations.same_key("d", relations.target_key(fold.lens), "m", home)
            ours = sql.SQL("{} AND m.state = 'mapped' AND {}").format(same, written_by_us("d"))
            return fold.lens.target.name.identifier, ours


def written_by_us(alias: str) -> sql.Composed:
    """True for a row that this transaction wrote; none that the target had, or that others write meanwhile."""
    return sql.SQL("{}.xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid").format(sql.Identifier(alias))


def _made(fold: Fold, source: SourceLens, placement: Placement, *, refold: bool) -> sql.Composed:
    """A value; one that was drawn stays as it was drawn."""
    column = placement.column
    value = mapping.value_of(fold, placement, refold=refold)
    if placement.making is Making.NEW_KEY:
        value = sql.SQL("COALESCE({}, {})").format(value, default_of(column, fold.lens.target).on("s"))
    if placement.making is Making.DEFAULT:
        value = sql.SQL("CASE WHEN d.ctid IS NULL THEN {} ELSE d.{} END").format(value, column.identifier)
    return sql.SQL("{} AS {}").format(value, column.identifier)


def _differ(source: SourceLens) -> sql.Composable:
    """True where the standing row `d` is not as the fresh values `v` are; a false alarm only writes it again."""
    made = [p.column for p in source.placements if p.making is not Making.DEFAULT]
    if not made:
        return sql.SQL("false")
    fresh = [sql.SQL("({}.{})::{}").format(sql.Identifier("v"), c.identifier, trusted(c.type.sql)) for c in made]
    return images_differ(fresh, [sql.Identifier("d", c.name) for c in made])


def _moves(fold: Fold) -> sql.Composed:
    pairs = zip(homes(fold), relations.target_key(fold.lens), strict=True)
    other = joined((sql.SQL("{} IS DISTINCT FROM {}").format(sql.Identifier(a), sql.Identifier(b)) for a, b in pairs),
                   " OR ")  # fmt: skip
    return sql.SQL("({there} AND {state} IS NOT NULL AND ({state} NOT IN ('mapped', 'skipped') OR {other}))").format(
        there=book(fold, "there"), state=book(fold, "state"), other=other
    )


def is_late(source: SourceLens) -> bool:
    """Whether values of it read the row map: then every fresh row is written again."""
    return any(p.reads_row_map for p in source.placements)


def follow(fold: Fold, source: SourceLens, *, refold: bool) -> Iterator[Statement]:
    """Compute again what reads the row map, now that every row of the pass has its home."""
    late = [p for p in source.placements if p.reads_row_map]
    if not late:
        return
    values = [sql.SQL("{} = {}").format(p.column.identifier, mapping.value_of(fold, p, refold=refold)) for p in late]
    yield Statement(
        f"follow the references of changed rows of {source.name}",
        sql.SQL(_SQL["follow"]).format(
            fresh=table(source),
            changes=joined(values),
            source=source.name.identifier,
            joins=mapping.value_joins(fold, source, refold=refold),
            same=relations.same_key("s", key_names(source), "f", relations.staging_keys(fold.lens, source)),
            there=book(fold, "there"),
            differs=book(fold, "differs"),
        ),
    )


def count_waiting(fold: Fold, limit: int) -> Iterator[Statement]:
    """How many captured keys wait, up to a limit; a key that changed twice waits twice. One statement a source."""
    for source in fold.lens.sources:
        yield Statement(
            f"count the changed keys of {source.name}",
            sql.SQL(_SQL["waiting"]).format(changed=mapping.changed(fold, source), limit=sql.Literal(limit)),
        )
