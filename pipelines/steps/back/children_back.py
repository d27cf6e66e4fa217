"""Children on the way back: their keys reference the sources again, with their own types and values."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core.expression import Expression, trusted
from pipelines.core.fold import ChildChange, ChildColumn, Fold, Repoint, referenced_columns
from pipelines.core.lens_rules import substitute
from pipelines.core.reconciliation import Blocking
from pipelines.core.relations import joined
from pipelines.core.schema import Column, TableName
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps import children
from pipelines.steps.back.hindrances import Hindrance
from pipelines.steps.back.homeward import TEMPORARY, Homeward, undomained

_SQL = load_sql("pipelines.steps.back", "children_back.sql")


def rekeyed(fold: Fold, repoint: Repoint) -> sql.Identifier:
    """Where the keys stand that do not go home by the inverse: their edit was set aside, or dropped."""
    return sql.Identifier(TEMPORARY, f"pgfold_rekeyed_{fold.repoints.index(repoint)}")


def create_rekeyed(fold: Fold) -> Iterator[Statement]:
    """One temporary table a key: `o1` ... as the target says it, `n1` ... as the source does."""
    for repoint in fold.repoints:
        yield Statement(
            f"drop the table of keys of {repoint.child} that differ",
            sql.SQL("DROP TABLE IF EXISTS {}").format(rekeyed(fold, repoint)),
        )
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(f"{prefix}{number}"), trusted(undomained(of.type)))
            for number, column in enumerate(repoint.columns, 1)
            for prefix, of in (("o", fold.lens.target[column.to]), ("n", column.column))
        ]
        yield Statement(
            f"make the table of keys of {repoint.child} that differ",
            sql.SQL("CREATE TEMPORARY TABLE {} ({})").format(rekeyed(fold, repoint), joined(columns)),
        )


def fill_rekeyed(fold: Fold, repoint: Repoint, home: Homeward) -> Statement:
    """Before the rows leave the target; after they were written where they go home with edits."""
    references = referenced_columns(fold.lens, repoint)
    old = [sql.Identifier("t", column.to) for column in repoint.columns]
    new = [sql.Identifier("s" if home.to_backup else "h", name) for name in references]
    return Statement(
        f"find the keys of {repoint.child} that do not go home by the inverse",
        sql.SQL(_SQL["fill_rekeyed"]).format(
            rekeyed=rekeyed(fold, repoint),
            values=joined(value for pair in zip(old, new, strict=True) for value in pair),
            home=home.table,
            target=fold.lens.target.name.identifier,
            there=home.same_target(),
            archived=sql.SQL("JOIN {} s ON {}").format(home.archived.identifier, home.same_source("s"))
            if home.to_backup
            else sql.SQL(""),
            stayed=stayed(home, references),
        ),
    )


def stayed(home: Homeward, references: tuple[str, ...]) -> sql.Composed:
    """True for a row `h` that goes home under another key than its target row tells."""
    return sql.SQL("{} && {}::pg_catalog.text[]").format(
        home.at("edited" if home.to_backup else "aside"), sql.Literal(list(references))
    )


def unfollowed(fold: Fold, home: Homeward, repoint: Repoint) -> Iterator[Hindrance]:
    """Children with several key columns of other types: each column is changed by itself, so no such key can differ."""
    if not _changes_type(repoint) or len(repoint.columns) == 1:
        return
    key = fold.schema[repoint.child].primary_key or tuple(c.column.name for c in repoint.columns)
    query = sql.SQL(_SQL["unfollowed"]).format(
        key=joined(sql.SQL("c.{}::pg_catalog.text").format(sql.Identifier(name)) for name in key),
        child=repoint.child.identifier,
        target=fold.lens.target.name.identifier,
        same=_same(repoint, "t", tuple(c.to for c in repoint.columns), "c"),
        home=home.table,
        there=home.same_target(),
        stayed=stayed(home, referenced_columns(fold.lens, repoint)),
    )
    reason = f"it references a row that goes home to {repoint.source} under another key"
    remedy = "give that row its old key again, or --set-aside keeps this one for the next fold"
    yield Hindrance(Blocking.STAYS, repoint.child, reason, remedy, query)


def drop_keys(fold: Fold) -> Iterator[Statement]:
    """The foreign keys that the cut-over made."""
    for repoint in fold.repoints:
        if repoint.constrained:
            yield _drop(repoint.child, children.repoint_name(repoint))
    for key in fold.outbound:
        if key.remade:
            yield _drop(fold.lens.target.name, children.remade_name(fold, key))
    for change in fold.rule_changes:
        yield _drop(change.constraint.table, change.constraint.name)


def return_values(fold: Fold) -> Iterator[Statement]:
    """Values go back where their rows went; types and defaults as they were."""
    for repoint in fold.repoints:
        if not _changes_type(repoint):
            yield _update(fold, repoint)
    for child in dict.fromkeys(r.child for r in fold.repoints if _changes_type(r)):
        yield from _change_types(fold, child)


def _changes_type(repoint: Repoint) -> bool:
    """A column of another type whose values were not followed kept its own type."""
    return repoint.change is ChildChange.TYPE and any(c.inverse is not None for c in repoint.columns)


def _update(fold: Fold, repoint: Repoint) -> Statement:
    shared = {"child": repoint.child.identifier, "rekeyed": rekeyed(fold, repoint)}
    old = tuple(f"o{number}" for number in range(1, len(repoint.columns) + 1))
    same = _same(repoint, "x", old, "c")
    if all(c.inverse is None for c in repoint.columns):
        changes = [
            sql.SQL("{} = x.{}").format(c.column.identifier, sql.Identifier(f"n{n}"))
            for n, c in enumerate(repoint.columns, 1)
        ]
        query = sql.SQL(_SQL["return_differing"]).format(changes=joined(changes), same=same, **shared)
    else:
        present = [sql.SQL("c.{} IS NOT NULL").format(c.column.identifier) for c in repoint.columns]
        query = sql.SQL(_SQL["return_values"]).format(
            changes=joined(_inverted(c, n) for n, c in enumerate(repoint.columns, 1)),
            any_value=joined(present, " OR "),
            same=same,
            **shared,
        )
    return Statement(f"let the keys of {repoint.child} go back", query)


def _inverted(column: ChildColumn, number: int) -> sql.Composed:
    value: sql.Composable = sql.Identifier("c", column.column.name)
    if column.inverse is not None:
        read = substitute(column.inverse, Expression((value,)))
        value = sql.SQL("({})::{}").format(read.on("c"), trusted(column.column.type.sql))
    return sql.SQL("{} = CASE WHEN x.o1 IS NULL THEN {} ELSE x.{} END").format(
        column.column.identifier, value, sql.Identifier(f"n{number}")
    )


def _change_types(fold: Fold, child: TableName) -> Iterator[Statement]:
    """All columns of a child in one statement, since each would rewrite it."""
    changed = [
        (repoint, number, column)
        for repoint in fold.repoints
        if repoint.child == child and _changes_type(repoint)
        for number, column in enumerate(repoint.columns, 1)
        if column.inverse is not None
    ]
    for repoint, number, column in changed:
        yield _make_function(fold, repoint, number, column)
    actions = [a for r, n, c in changed for a in _actions(c.column, _function(fold, r, n))]
    if actions:
        yield Statement(
            f"give the keys of {child} their own types and values",
            sql.SQL("ALTER TABLE {} {}").format(child.identifier, joined(actions)),
        )
    defaults = [
        sql.SQL("ALTER COLUMN {} SET DEFAULT {}").format(c.column.identifier, trusted(c.column.default))
        for _, _, c in changed
        if c.column.default is not None
    ]
    if defaults:
        yield Statement(
            f"give the keys of {child} their defaults again",
            sql.SQL("ALTER TABLE {} {}").format(child.identifier, joined(defaults)),
        )


def _actions(column: Column, function: sql.Identifier) -> Iterator[sql.Composable]:
    collation = sql.SQL(f" COLLATE {column.collation}" if column.collation else "")  # the catalog's own text
    yield sql.SQL("ALTER COLUMN {0} TYPE {1}{2} USING {3}({0})").format(
        column.identifier, trusted(column.type.sql), collation, function
    )


def _make_function(fold: Fold, repoint: Repoint, number: int, column: ChildColumn) -> Statement:
    """USING takes no subquery, so the row map is read by a function; as in `children`, on the way there."""
    assert column.inverse is not None
    read = substitute(column.inverse, Expression((sql.SQL("$1"),))).on("c")
    differing: sql.Composable = sql.SQL("NULL")
    if len(repoint.columns) == 1:
        differing = sql.SQL("(SELECT x.n1 FROM {} x WHERE x.o1 = $1)").format(rekeyed(fold, repoint))
    wanted = trusted(column.column.type.sql)
    body = sql.SQL("SELECT COALESCE({}, ({})::{})").format(differing, read, wanted).as_string(None)
    return Statement(
        f"make the function by which {repoint.child}.{column.column.name} goes back",
        sql.SQL(_SQL["make_function"]).format(
            function=_function(fold, repoint, number),
            given=trusted(column.type.bare or column.type.sql),
            wanted=wanted,
            body=sql.Literal(body),
        ),
    )


def _function(fold: Fold, repoint: Repoint, number: int) -> sql.Identifier:
    return sql.Identifier(TEMPORARY, f"pgfold_return_{fold.repoints.index(repoint)}_{number}")


def _same(repoint: Repoint, alias: str, columns: tuple[str, ...], child: str) -> sql.Composed:
    pairs = zip(columns, repoint.columns, strict=True)
    return joined(
        (sql.SQL("{} = {}").format(sql.Identifier(alias, a), sql.Identifier(child, c.column.name)) for a, c in pairs),
        " AND ",
    )


def _drop(table: TableName, name: str) -> Statement:
    return Statement(
        f"drop foreign key {name} of {table}",
        sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}").format(table.identifier, sql.Identifier(name)),
    )
