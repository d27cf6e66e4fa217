"""Homeward: each row that differs, as it would go home, in temporary tables of this session.

A dry look at the way back and the way back itself read and fill the same tables, so that they cannot disagree. An
unedited row is not in them: it goes home as the archive has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.expression import cast, constant, trusted
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens, Treatment
from pipelines.core.lens_rules import bare
from pipelines.core.names import Keeping
from pipelines.core.placement import default_of
from pipelines.core.relations import identifiers, joined, key_names
from pipelines.core.schema import Column, ColumnType, TableName
from pipelines.core.statement import Statement
from pipelines.core.three_way import any_edited, edited_columns
from pipelines.database.named_sql import load_sql

_SQL = load_sql("pipelines.steps.back", "homeward.sql")
TEMPORARY = "pg_temp"
EVERY_ROW = sql.SQL("true")


@dataclass(frozen=True, slots=True)
class Homeward:
    """One source on its way home; `archived` is where its rows stand now."""

    fold: Fold
    source: SourceLens
    archived: TableName
    to_backup: bool = False

    @property
    def table(self) -> sql.Identifier:
        """The rows that differ."""
        return sql.Identifier(TEMPORARY, f"pgfold_home_{self.source.number}")

    @property
    def row_map(self) -> sql.Identifier:
        """The source's row map."""
        return names.keeping(Keeping.ROW_MAP, self.fold.name, self.source.name).identifier

    @property
    def written(self) -> tuple[Column, ...]:
        """The source's columns that can be written."""
        return tuple(column for column in self.source.table.columns if not column.generated)

    @property
    def generated(self) -> tuple[Column, ...]:
        """Those that are computed again."""
        return tuple(column for column in self.source.table.columns if column.generated)

    def book(self, name: str) -> str:
        """A column beside the source's own: `id`, `fate`, `edited`, `aside`, `failures`, `s1` ..., `t1` ..."""
        prefix = "home "
        while any(column.name.startswith(prefix) for column in self.source.table.columns):
            prefix = "_" + prefix
        return prefix + name

    def at(self, name: str, alias: str = "h") -> sql.Identifier:
        """That column, qualified."""
        return sql.Identifier(alias, self.book(name))

    @property
    def source_keys(self) -> tuple[str, ...]:
        """The source key as it was, in the home table."""
        return tuple(self.book(name) for name in relations.source_key_in_map(self.source))

    @property
    def target_keys(self) -> tuple[str, ...]:
        """The target key, in the home table."""
        return tuple(self.book(name) for name in relations.target_key_in_map(self.fold.lens))

    def open_edit(self, column: str) -> sql.Composed:
        """True for a row `h` that takes an edited value of this column home."""
        name = sql.Literal(column)
        return sql.SQL("({0} = ANY ({1}) AND NOT {0} = ANY ({2}))").format(name, self.at("edited"), self.at("aside"))

    def is_written(self, alias: str = "h") -> sql.Composed:
        """True for a row that is not in the archive as it would go home."""
        return sql.SQL("({0} = 'born' OR ({0} = 'edited' AND NOT {1} <@ {2}))").format(
            self.at("fate", alias), self.at("edited", alias), self.at("aside", alias)
        )

    def same_source(self, alias: str, key: Sequence[str] | None = None) -> sql.Composed:
        """`h` is about the archived row of that alias."""
        return relations.same_key("h", self.source_keys, alias, key or key_names(self.source))

    def same_target(self, alias: str = "t") -> sql.Composed:
        """`h` is about the target row of that alias."""
        return relations.same_key("h", self.target_keys, alias, relations.target_key(self.fold.lens))

    def target_key_text(self, alias: str = "h") -> sql.Composed:
        """For messages."""
        return relations.output_array([sql.Identifier(alias, name) for name in self.target_keys])

    def in_map(self, alias: str = "m") -> tuple[sql.Identifier, ...]:
        """The row map's two keys."""
        both = (*relations.source_key_in_map(self.source), *relations.target_key_in_map(self.fold.lens))
        return tuple(sql.Identifier(alias, name) for name in both)

    def mapped(self) -> sql.Composed:
        """`m` is about the archived row `s`."""
        return relations.same_key("m", relations.source_key_in_map(self.source), "s", key_names(self.source))

    def there(self, alias: str = "t") -> sql.Composed:
        """`m` is about the target row of that alias."""
        lens = self.fold.lens
        return relations.same_key("m", relations.target_key_in_map(lens), alias, relations.target_key(lens))


def homes(fold: Fold, *, to_backup: bool = False) -> tuple[Homeward, ...]:
    """Every source, from its archive."""
    return tuple(Homeward(fold, source, fold.archived(source.name), to_backup) for source in fold.lens.sources)


def create(home: Homeward) -> Iterator[Statement]:
    """The temporary table; before a transaction that may only read."""
    keys = zip((*home.source_keys, *home.target_keys), (*home.source.key, *home.fold.lens.key), strict=True)
    yield drop(home)
    yield Statement(
        f"make the table of rows of {home.source.name} that differ",
        sql.SQL(_SQL["create"]).format(
            home=home.table,
            id=sql.Identifier(home.book("id")),
            keys=joined(defined(name, column) for name, column in keys),
            fate=sql.Identifier(home.book("fate")),
            edited=sql.Identifier(home.book("edited")),
            aside=sql.Identifier(home.book("aside")),
            failures=sql.Identifier(home.book("failures")),
            columns=joined(defined(column.name, column) for column in home.source.table.columns),
            source_key=identifiers(home.source_keys),
        ),
    )
    yield Statement(
        f"index the rows of {home.source.name} that differ by target key",
        sql.SQL("CREATE INDEX ON {} ({})").format(home.table, identifiers(home.target_keys)),
    )


def drop(home: Homeward) -> Statement:
    """When nobody looks at it any more."""
    return Statement(
        f"drop the table of rows of {home.source.name} that differ",
        sql.SQL("DROP TABLE IF EXISTS {}").format(home.table),
    )


def defined(name: str, column: Column) -> sql.Composed:
    """A column of that type without its rules: a domain's would raise before anybody could say which row broke it."""
    return sql.SQL("{} {}{}").format(
        sql.Identifier(name),
        trusted(undomained(column.type)),
        trusted(f" COLLATE {column.collation}" if column.collation else ""),
    )


def undomained(of: ColumnType) -> str:
    """The type's text; a domain's base type."""
    return of.base or of.sql


def fill(home: Homeward, among: sql.Composable = EVERY_ROW) -> Iterator[Statement]:
    """Every row that differs, with the archive's values as yet; `among` is a condition on the row map `m`."""
    shared = {"among": among, **_shared(home)}
    archived = joined(sql.Identifier("s", column.name) for column in home.source.table.columns)
    yield Statement(
        f"find the rows of {home.source.name} that were edited in {home.fold.lens.target.name}",
        sql.SQL(_SQL["edited"]).format(
            edited=edited_columns(home.fold.lens, home.source),
            differ=any_edited(home.fold.lens, home.source),
            values=archived,
            **shared,
        ),
    )
    yield Statement(
        f"find the rows of {home.source.name} that were deleted from {home.fold.lens.target.name}",
        sql.SQL(_SQL["deleted"]).format(values=archived, **shared),
    )
    yield Statement(
        f"find the rows of {home.fold.lens.target.name} that are new to {home.source.name}",
        sql.SQL(_SQL["born"]).format(
            edited=sql.Literal([rule.column.name for rule in home.source.rules if rule.inverse is not None]),
            values=joined(_at_birth(home, column) for column in home.source.table.columns),
            **shared,
        ),
    )
    yield Statement(f"measure the rows of {home.source.name} that differ", sql.SQL("ANALYZE {}").format(home.table))


def _shared(home: Homeward) -> dict[str, sql.Composable]:
    books = (*home.source_keys, *home.target_keys, home.book("fate"), home.book("edited"))
    return {
        "home": home.table,
        "columns": identifiers((*books, *(column.name for column in home.source.table.columns))),
        "keys": joined(home.in_map()),
        "map": home.row_map,
        "archived": home.archived.identifier,
        "target": home.fold.lens.target.name.identifier,
        "mapped": home.mapped(),
        "there": home.there(),
    }


def _at_birth(home: Homeward, column: Column) -> sql.Composable:
    """What a row without a past has in a column before its inverse is taken: the row map's key, or the default."""
    rule = home.source.rule(column.name)
    key = key_names(home.source)
    if rule.treatment is Treatment.ROW_MAP and column.name in key:
        return sql.Identifier("m", relations.source_key_in_map(home.source)[key.index(column.name)])
    if column.default is None or column.default_is_volatile or column.identity or column.generated:
        return cast(constant(None), bare(column.type)).on("m")
    return default_of(column, home.source.table).on("m")


def as_home(home: Homeward) -> sql.Composed:
    """The source's rows as they would be: FROM item with its columns, and `home id` where a row differs."""
    columns = [column.name for column in home.source.table.columns]
    if home.to_backup:
        return sql.SQL(_SQL["as_archived"]).format(
            id=sql.Identifier(home.book("id")), columns=identifiers(columns, "s"), archived=home.archived.identifier
        )
    return sql.SQL(_SQL["as_home"]).format(
        id=sql.Identifier(home.book("id")),
        columns=identifiers(columns, "s"),
        archived=home.archived.identifier,
        home=home.table,
        same=home.same_source("s"),
        fate=home.at("fate"),
        going=joined([home.at("id"), *(sql.Identifier("h", name) for name in columns)]),
    )


def goes_home(fold: Fold, alias: str = "t") -> sql.Composed:
    """True for a target row whose home is one of the sources."""
    tests = [
        sql.SQL("EXISTS (SELECT FROM {} m WHERE {} AND m.state IN ('mapped', 'born'))").format(
            home.row_map, home.there(alias)
        )
        for home in homes(fold)
    ]
    return sql.SQL("({})").format(joined(tests, " OR ")) if tests else sql.Composed([sql.SQL("false")])
