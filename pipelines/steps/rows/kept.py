"""Kept values: what the target said that its source could not, and how it is said again (DESIGN.md, section 3).

One row a source row, alias `o`: `forwards` holds what the source's own value became when it went home, by place, in
output form; `kept` what the target said instead: text for a column, jsonb for a path. A path that stands in
`forwards` and not in `kept` was absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.equality import output_of
from pipelines.core.expression import Expression, trusted
from pipelines.core.fold import Fold
from pipelines.core.lens import Lens, Making, Placement, SourceLens
from pipelines.core.lens_rules import bare
from pipelines.core.names import Keeping
from pipelines.core.place import Place
from pipelines.core.relations import joined, key_names
from pipelines.core.schema import TableName
from pipelines.core.spec import AddColumn
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql

_SQL = load_sql("pipelines.steps.rows", "kept.sql")


def create_kept(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """The table of kept values of one source's rows, and the function that puts a value into a document."""
    columns = [
        sql.SQL("{} {} NOT NULL").format(sql.Identifier(k), trusted(column.type.sql))
        for k, column in zip(_key(source), source.key, strict=True)
    ]
    yield Statement(
        f"make the table of kept values of {source.name}",
        sql.SQL(_SQL["create_kept"]).format(
            table=table(fold, source.name).identifier,
            columns=joined(columns),
            key=relations.identifiers(_key(source)),
        ),
    )
    yield Statement("make the function that puts a value into a document", sql.SQL(_SQL["put_path"]).format())


def create_own_kept(fold: Fold) -> Statement:
    """The table of kept values of added columns in the target's own rows."""
    columns = [
        sql.SQL("{} {} NOT NULL").format(sql.Identifier(k), trusted(column.type.sql))
        for k, column in zip(_own_key(fold.lens), fold.lens.key, strict=True)
    ]
    return Statement(
        "make the table of kept values of the target's own rows",
        sql.SQL(_SQL["create_kept"]).format(
            table=table(fold, fold.lens.target.name).identifier,
            columns=joined(columns),
            key=relations.identifiers(_own_key(fold.lens)),
        ),
    )


def join(fold: Fold, source: SourceLens) -> sql.Composable:
    """The LEFT JOIN of a source row `s` with what was kept for it, `o`."""
    return sql.SQL(" LEFT JOIN {} o ON {}").format(
        table(fold, source.name).identifier, relations.same_key("o", _key(source), "s", key_names(source))
    )


def value(placement: Placement) -> sql.Composable:
    """The target's own word where the source still says what it said when they parted; else what the source says."""
    assert placement.value is not None
    place, column = Place(placement.column.name), placement.column
    forward = sql.SQL("({})::{}").format(placement.value.on("s"), trusted(bare(column.type)))
    if placement.making is Making.DEFAULT:
        known = sql.SQL("o.kept ? {}").format(sql.Literal(str(place)))
    else:
        known = _still(place, sql.SQL("{}::{}").format(forward, trusted(column.type.sql)))
    piecewise = _document(placement) if placement.making is Making.DOCUMENT else forward
    return sql.SQL("CASE WHEN {} THEN (o.kept ->> {})::{} ELSE {} END").format(
        known, sql.Literal(str(place)), trusted(column.type.sql), piecewise
    )


def rest_of(column: str) -> str:
    """The name under which the part of a document is kept that no rule writes."""
    return f"{column}\x01rest"


def put_back_own(fold: Fold) -> Iterator[Statement]:
    """Write the kept values of added columns into the target's own rows, where nobody wrote others since."""
    changes = [
        sql.SQL("{0} = CASE WHEN o.kept ? {1}{2} THEN (o.kept ->> {1})::{3} ELSE t.{0} END").format(
            sql.Identifier(column.name),
            sql.Literal(column.name),
            _untouched(fold, column),
            trusted(_type(fold, column)),
        )
        for column in fold.spec.add_columns
    ]
    if not changes:
        return
    yield Statement(
        f"write the kept values of added columns of {fold.lens.target.name}",
        sql.SQL(_SQL["put_back_own"]).format(
            target=fold.lens.target.name.identifier,
            changes=joined(changes),
            kept=table(fold, fold.lens.target.name).identifier,
            same=relations.same_key("o", _own_key(fold.lens), "t", relations.target_key(fold.lens)),
        ),
    )


def _untouched(fold: Fold, column: AddColumn) -> sql.Composable:
    """Another fold of this target may have added the column this time, and people may have written to it since."""
    if column in fold.added:
        return sql.SQL("")
    default = sql.SQL("({})::{}").format(trusted(column.default or "NULL"), trusted(_type(fold, column)))
    return sql.SQL(" AND {} IS NOT DISTINCT FROM {}").format(
        output_of(sql.Identifier("t", column.name)), output_of(default)
    )


def _type(fold: Fold, column: AddColumn) -> str:
    return fold.lens.target[column.name].type.sql


def let_go(fold: Fold) -> Iterator[Statement]:
    """Once the rows are in the target again, it says them itself."""
    for name in (*(source.name for source in fold.lens.sources), fold.lens.target.name):
        kept = table(fold, name)
        yield Statement(f"let go of the kept values of {name}", sql.SQL("DELETE FROM {}").format(kept.identifier))


def table(fold: Fold, of: TableName) -> TableName:
    """The table of kept values of a source, or of the target's own rows."""
    return names.keeping(Keeping.KEPT, fold.name, of)


def _still(place: Place, forward: sql.Composable) -> sql.Composed:
    return sql.SQL("(o.forwards ? {0} AND o.forwards ->> {0} = {1})").format(
        sql.Literal(str(place)), output_of(forward)
    )


def _document(placement: Placement) -> sql.Composable:
    """The kept rest of the document, with each path written as the source or as the target says."""
    rest: sql.Composable = sql.SQL("COALESCE(o.kept -> {}, '{{}}'::pg_catalog.jsonb)").format(
        sql.Literal(rest_of(placement.column.name))
    )
    whole = reduce(lambda document, part: _put(placement, document, *part), placement.paths, rest)
    piecewise = sql.SQL("({})::{}").format(whole, trusted(bare(placement.column.type)))
    assert placement.value is not None
    return sql.SQL("CASE WHEN o.forwards IS NULL THEN {} ELSE {} END").format(
        sql.SQL("({})::{}").format(placement.value.on("s"), trusted(bare(placement.column.type))), piecewise
    )


def _put(placement: Placement, document: sql.Composable, path: tuple[str, ...], forward: Expression) -> sql.Composed:
    place = Place(placement.column.name, path)
    said = forward.on("s")
    still = _still(place, said)
    chosen = sql.SQL("CASE WHEN {} THEN o.kept -> {} ELSE {} END").format(still, sql.Literal(str(place)), said)
    absent = sql.SQL("({} AND NOT o.kept ? {})").format(still, sql.Literal(str(place)))
    return sql.SQL("pgfold.put_path({}, {}::pg_catalog.text[], {}, {})").format(
        document, sql.Literal(list(path)), chosen, absent
    )


def _key(source: SourceLens) -> tuple[str, ...]:
    return names.key_columns("k", len(source.key))


def _own_key(lens: Lens) -> tuple[str, ...]:
    return names.key_columns("k", len(lens.key))
