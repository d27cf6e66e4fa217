"""The tables of schema pgfold that one fold needs: row map, staging, changed keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.expression import trusted
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.names import Keeping
from pipelines.core.relations import identifiers, joined
from pipelines.core.schema import Column, TableName
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql

_SQL = load_sql("pipelines.steps.rows", "keeping_tables.sql")


def create_row_map(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """The row map of a source; a refold finds it there. Its keys are made once the first rows are in."""
    table = names.keeping(Keeping.ROW_MAP, fold.name, source.name)
    source_key = relations.source_key_in_map(source)
    target_key = relations.target_key_in_map(fold.lens)
    yield Statement(
        f"make the row map of {source.name}",
        sql.SQL(_SQL["create_row_map"]).format(
            table=table.identifier,
            source_key=_defined(source_key, source.key, " NOT NULL"),
            target_key=_defined(target_key, fold.lens.key),
        ),
    )
    yield identify(table)


def index_row_map(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """The map's keys, which is faster than keeping them while it is filled; a refold finds them there."""
    table = names.keeping(Keeping.ROW_MAP, fold.name, source.name)
    target_key = relations.target_key_in_map(fold.lens)
    yield Statement(
        f"index the row map of {source.name} by source key",
        sql.SQL(_SQL["index_staging"]).format(
            index=sql.Identifier(f"{table.name}_s"),
            table=table.identifier,
            key=identifiers(relations.source_key_in_map(source)),
        ),
    )
    yield Statement(
        f"index the row map of {source.name} by target key",
        sql.SQL(_SQL["index_row_map"]).format(
            index=sql.Identifier(f"{table.name}_t"), table=table.identifier, key=identifiers(target_key)
        ),
    )
    yield Statement(f"measure the row map of {source.name}", sql.SQL("ANALYZE {}").format(table.identifier))


def create_changed_keys(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """Where the change capture of a source writes keys."""
    columns = names.key_columns("k", len(source.key))
    yield Statement(
        f"make the table of changed keys of {source.name}",
        sql.SQL(_SQL["create_changed_keys"]).format(
            table=names.keeping(Keeping.CHANGED, fold.name, source.name).identifier,
            columns=_defined(columns, source.key, " NOT NULL"),
        ),
    )
    yield identify(names.keeping(Keeping.CHANGED, fold.name, source.name))


def identify(table: TableName) -> Statement:
    """A publication FOR ALL TABLES ships our tables too, and refuses changes of rows that it cannot tell apart."""
    return Statement(
        f"let {table} be published", sql.SQL("ALTER TABLE {} REPLICA IDENTITY FULL").format(table.identifier)
    )


def create_staging(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """The staging table, shaped like the target: its generated columns are computed, its rules are checked later."""
    table = names.keeping(Keeping.STAGED, fold.name, source.name)
    keys = relations.staging_keys(fold.lens, source)
    yield Statement(
        f"make the staging table of {source.name}",
        sql.SQL(_SQL["create_staging"]).format(table=table.identifier, target=fold.lens.target.name.identifier),
    )
    not_null = [c for c in fold.lens.target.columns if c.not_null]
    changes = [sql.SQL("ALTER COLUMN {} DROP NOT NULL").format(c.identifier) for c in not_null]
    changes += [sql.SQL("ADD COLUMN {}").format(d) for d in _definitions(keys, source.key, " NOT NULL")]
    changes.append(sql.SQL("ADD COLUMN {} boolean NOT NULL DEFAULT false").format(skip_column(fold)))
    yield Statement(
        f"give the staging table of {source.name} the source's key",
        sql.SQL("ALTER TABLE {} {}").format(table.identifier, joined(changes)),
    )
    yield identify(table)


def index_staging(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """Made after the rows are in, which is faster than with them."""
    table = names.keeping(Keeping.STAGED, fold.name, source.name)
    yield Statement(
        f"index the staged rows of {source.name} by source key",
        sql.SQL(_SQL["index_staging"]).format(
            index=sql.Identifier(f"{table.name}_s"),
            table=table.identifier,
            key=identifiers(relations.staging_keys(fold.lens, source)),
        ),
    )
    yield from index_row_map(fold, source)
    yield Statement(
        f"measure the staged rows of {source.name}",
        sql.SQL("ANALYZE {} ({})").format(table.identifier, identifiers(_looked_up(fold, source))),
    )


def _looked_up(fold: Fold, source: SourceLens) -> Iterator[str]:
    """Columns that rows are found by: the source's key, and what the target's rules compare. Others may be wide."""
    table = fold.lens.target
    ruled = {column for constraint in table.constraints for column in constraint.columns}
    ruled |= {column for index in table.indexes if index.unique for column in index.columns if column}
    yield from relations.staging_keys(fold.lens, source)
    yield from (column.name for column in table.columns if column.name in ruled and not column.virtual)


def drop_working_tables(fold: Fold) -> Iterator[Statement]:
    """Staging and changed keys; the row map stays."""
    for source in fold.lens.sources:
        for kind in (Keeping.STAGED, Keeping.CHANGED):
            table = names.keeping(kind, fold.name, source.name)
            yield Statement(
                f"drop the {kind} rows of {source.name}", sql.SQL("DROP TABLE IF EXISTS {}").format(table.identifier)
            )


def skip_column(fold: Fold) -> sql.Identifier:
    """The staging column that marks a row which loses to an earlier one under on_conflict: skip."""
    first = names.staging_key_columns(fold.lens.target, 1)[0]
    return sql.Identifier(first.replace("source key 1", "source key skipped"))


def _defined(columns: Iterable[str], keys: Iterable[Column], suffix: str = "") -> sql.Composed:
    return joined(_definitions(columns, keys, suffix))


def _definitions(columns: Iterable[str], keys: Iterable[Column], suffix: str = "") -> list[sql.Composable]:
    return [
        sql.SQL("{} {}{}{}").format(
            sql.Identifier(name),
            trusted(key.type.sql),
            trusted(f" COLLATE {key.collation}" if key.collation else ""),
            trusted(suffix),
        )
        for name, key in zip(columns, keys, strict=True)
    ]
