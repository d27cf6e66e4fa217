"""Bystanders: rows that stay while others go home, and would be left with a broken reference or rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql

from pipelines.core import relations
from pipelines.core.fold import ChildChange, Fold, Repoint
from pipelines.core.reconciliation import Blocking
from pipelines.core.relations import joined, output_array
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.back.hindrances import FOUND, Hindrance
from pipelines.steps.back.homeward import Homeward, goes_home
from pipelines.steps.rows.capture import regclass
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps.back", "bystanders.sql")
_ASIDE = "delete it, or --set-aside keeps it for the next fold"


@dataclass(frozen=True, slots=True)
class InboundKey:
    """A foreign key to some table as the catalog has it now; `key` tells the child's rows apart, else ctid does."""

    name: str
    child: TableName
    columns: tuple[str, ...]
    references: TableName
    references_columns: tuple[str, ...]
    key: tuple[str, ...]


def inbound_keys(session: Session, table: TableName) -> tuple[InboundKey, ...]:
    """The foreign keys that reference a table, its own too; a partitioned child's once."""
    query = sql.SQL(_SQL["inbound_keys"]).format(table=sql.Literal(regclass(table)))
    rows = session.rows(Statement(f"read which keys reference {table}", query))
    return tuple(
        InboundKey(name, TableName(schema, child), tuple(columns), table, tuple(references), tuple(key))
        for name, schema, child, columns, references, key in rows
    )


def hindrances(
    fold: Fold, homes: Mapping[TableName, Homeward], inbound: tuple[InboundKey, ...], dropped_not_null: tuple[str, ...]
) -> Iterator[Hindrance]:
    """Children of the target and its own rows on rows that go home; children of the sources on rows that do not."""
    ours = {(r.child, r.constraint.name) for r in fold.repoints if r.constraint is not None}
    for key in inbound:
        if (key.child, key.name) not in ours:
            yield _child(fold, key)
    for repoint in fold.repoints:
        yield _staying(fold, homes[repoint.source], repoint, inbound)
    for name in dropped_not_null:
        yield null(fold, name)


def _child(fold: Fold, key: InboundKey) -> Hindrance:
    target = fold.lens.target.name
    own = key.child == target
    pairs = zip(key.columns, key.references_columns, strict=True)
    query = sql.SQL(_SQL["child"]).format(
        key=_key_text(key.key),
        value=output_text(key.columns, "c"),
        child=key.child.identifier,
        target=target.identifier,
        same=joined((sql.SQL("c.{} = t.{}").format(sql.Identifier(a), sql.Identifier(b)) for a, b in pairs), " AND "),
        going=goes_home(fold),
        stays=sql.SQL("NOT {}").format(goes_home(fold, "c")) if own else sql.SQL("true"),
    )
    reason = f"{', '.join(key.columns)} {{value}} references a row of {target} that goes home"
    return Hindrance(Blocking.CHILD, key.child, reason, _ASIDE, query)


def _staying(fold: Fold, home: Homeward, repoint: Repoint, inbound: tuple[InboundKey, ...]) -> Hindrance:
    """A key without a row anywhere is let be where nothing asked for one, unless its value would be lost."""
    target = fold.lens.target.name
    names = tuple(c.column.name for c in repoint.columns)
    same = joined(
        (sql.SQL("t.{} = c.{}").format(sql.Identifier(c.to), c.column.identifier) for c in repoint.columns), " AND "
    )
    asked = repoint.constraint is not None and repoint.constraint.validated
    known = next((k.key for k in inbound if k.child == repoint.child), fold.schema[repoint.child].primary_key)
    query = sql.SQL(_SQL["staying"]).format(
        key=_key_text(known),
        value=output_text(names, "c"),
        child=repoint.child.identifier,
        present=joined((sql.SQL("c.{} IS NOT NULL").format(sql.Identifier(name)) for name in names), " AND "),
        target=target.identifier,
        same=same,
        map=home.row_map,
        there=home.there(),
        archived=sql.SQL("AND EXISTS (SELECT FROM {} s WHERE {})").format(home.archived.identifier, home.mapped())
        if home.to_backup
        else sql.SQL(""),
        dangling=sql.SQL("true" if asked or repoint.change is not ChildChange.NONE else "false"),
    )
    reason = f"{', '.join(names)} {{value}} references a row of {target} that has no home in {repoint.source}"
    remedy = "let it reference another row, or --set-aside keeps it for the next fold"
    return Hindrance(Blocking.STAYS, repoint.child, reason, remedy, query)


def null(fold: Fold, name: str, *, before: bool = False) -> Hindrance:
    """A row of the target's own that lacks what must be there again; `before` the cut-over every row is its own."""
    target = fold.lens.target.name
    key = relations.target_key(fold.lens)
    query = sql.SQL(_SQL["null"]).format(
        key=output_array([sql.Identifier("t", k) for k in key]),
        target=target.identifier,
        column=sql.Identifier("t", name),
        going=sql.SQL("false") if before else goes_home(fold),
    )
    reason = f"{name} is NULL, and {target}.{name} is NOT NULL again"
    remedy = "give it a value, or --set-aside keeps the row for the next fold"
    return Hindrance(Blocking.TARGET_RULE, target, reason, remedy, query)


def of_aside(key: InboundKey) -> Hindrance:
    """Rows that reference a row which is set aside: they go with it."""
    pairs = zip(key.columns, key.references_columns, strict=True)
    query = sql.SQL(_SQL["of_aside"]).format(
        key=_key_text(key.key),
        value=output_text(key.columns, "c"),
        child=key.child.identifier,
        parent=key.references.identifier,
        same=joined((sql.SQL("c.{} = p.{}").format(sql.Identifier(a), sql.Identifier(b)) for a, b in pairs), " AND "),
        found=FOUND,
    )
    reason = f"{', '.join(key.columns)} {{value}} references a row of {key.references} that is set aside"
    return Hindrance(Blocking.CHILD, key.child, reason, _ASIDE, query)


def _key_text(key: tuple[str, ...]) -> sql.Composable:
    return output_array([sql.Identifier("c", name) for name in key] or [sql.SQL("c.ctid")])


def output_text(names: tuple[str, ...], alias: str) -> sql.Composable:
    """One value as it is, several as a list."""
    texts = [sql.SQL("{}::pg_catalog.text").format(sql.Identifier(alias, name)) for name in names]
    if len(texts) == 1:
        return texts[0]
    return sql.SQL("pg_catalog.array_to_string(ARRAY[{}]::pg_catalog.text[], ', ', 'NULL')").format(joined(texts))
