"""Rows of the target that the fold writes: inserted from staging, and taken out again before they are replaced."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.relations import identifiers, joined
from pipelines.core.schema import Constraint, TableName
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps import keeping_tables, mapping
from pipelines.steps.mapping import Keys

_SQL = load_sql("pipelines.steps", "target_rows.sql")


def insert(fold: Fold, source: SourceLens, keys: Keys | None, *, locked: bool = False) -> Statement:
    """Every staged row that nobody changed since, or those of these keys.

    Staged rows are of different moments. Those without a waiting key are all as the source is now, so its unique
    values hold among them. While the source is written, a row of `keys` may hold a value whose old owner is still
    in the target: it is left out, and `requeue` lets it wait. Under the lock (`locked`) nothing is left out.
    """
    columns = [c.identifier for c in relations.staged_columns(fold.lens)]
    return Statement(
        f"write the rows of {source.name} into {fold.lens.target.name}",
        sql.SQL(_SQL["insert"]).format(
            target=fold.lens.target.name.identifier,
            columns=joined(columns),
            values=joined(sql.SQL("g.{}").format(c) for c in columns),
            staged=mapping.staged(fold, source),
            skipped=keeping_tables.skip_column(fold),
            rows=_of_keys(fold, source, keys)
            if keys is not None
            else mapping.unchanged(fold, source, "g", relations.staging_keys(fold.lens, source)),
            on_conflict=sql.SQL("") if keys is None or locked else sql.SQL(" ON CONFLICT DO NOTHING"),
        ),
    )


def requeue(fold: Fold, source: SourceLens, keys: Keys) -> Statement:
    """The keys whose rows were left out wait for the next pass."""
    key = relations.target_key(fold.lens)
    return Statement(
        f"let rows of {source.name} wait whose unique values are still taken",
        sql.SQL(_SQL["requeue"]).format(
            changed=mapping.changed(fold, source),
            key=identifiers(relations.staging_keys(fold.lens, source), "g"),
            staged=mapping.staged(fold, source),
            skipped=keeping_tables.skip_column(fold),
            rows=_of_keys(fold, source, keys),
            target=fold.lens.target.name.identifier,
            same=relations.same_key("t", key, "g", key),
        ),
    )


def take_out(fold: Fold, source: SourceLens, keys: Keys) -> Statement:
    """The rows that this transaction wrote for these keys: exactly those that stand in the staging table."""
    return Statement(
        f"take the old rows of changed keys of {source.name} out of {fold.lens.target.name}",
        sql.SQL(_SQL["take_out"]).format(
            target=fold.lens.target.name.identifier,
            staged=mapping.staged(fold, source),
            same=joined(
                (sql.SQL("t.{0} = g.{0}").format(sql.Identifier(name)) for name in relations.target_key(fold.lens)),
                " AND ",
            ),
            skipped=keeping_tables.skip_column(fold),
            rows=_of_keys(fold, source, keys),
        ),
    )


def _of_keys(fold: Fold, source: SourceLens, keys: Keys | None) -> sql.Composable:
    if keys is None:
        return sql.SQL("true")
    return sql.SQL("({}) IN (SELECT {} FROM {} k)").format(
        identifiers(relations.staging_keys(fold.lens, source), "g"),
        identifiers(names.key_columns("k", len(source.key)), "k"),
        mapping.unnested(source, keys),
    )


def hold_parents(fold: Fold) -> Iterator[Statement]:
    """What a foreign key would do: keep the parents of staged rows from being deleted until the commit."""
    for source in fold.lens.sources:
        for key in parent_keys(fold):
            yield _hold(fold, source, key)


def _hold(fold: Fold, source: SourceLens, key: Constraint) -> Statement:
    assert key.references is not None
    pairs = zip(key.references_columns, key.columns, strict=True)
    return Statement(
        f"hold the rows of {key.references} that rows of {source.name} reference",
        sql.SQL(_SQL["hold_parents"]).format(
            parent=key.references.identifier,
            staged=mapping.staged(fold, source),
            same=joined(
                (sql.SQL("p.{} = g.{}").format(sql.Identifier(a), sql.Identifier(b)) for a, b in pairs), " AND "
            ),
        ),
    )


def orphans(fold: Fold, source: SourceLens, key: Constraint) -> Statement:
    """Up to twenty rows in the target, written by this fold, whose parent is not there: values of the key."""
    assert key.references is not None
    pairs = zip(key.references_columns, key.columns, strict=True)
    columns = [sql.Identifier("t", name) for name in key.columns]
    return Statement(
        f"look for rows of {source.name} without parent in {key.references}",
        sql.SQL(_SQL["orphans"]).format(
            values=relations.output_array(columns),
            target=fold.lens.target.name.identifier,
            map=names.keeping(names.Keeping.ROW_MAP, fold.name, source.name).identifier,
            mapped=relations.same_key(
                "m", relations.target_key_in_map(fold.lens), "t", relations.target_key(fold.lens)
            ),
            present=joined((sql.SQL("{} IS NOT NULL").format(c) for c in columns), " AND "),
            parent=key.references.identifier,
            same=joined(
                (sql.SQL("p.{} = t.{}").format(sql.Identifier(a), sql.Identifier(b)) for a, b in pairs), " AND "
            ),
        ),
    )


def parent_keys(fold: Fold) -> tuple[Constraint, ...]:
    """The target's foreign keys to other tables: nobody checks them for a session in the replica role."""
    own: TableName = fold.lens.target.name
    return tuple(key for key in fold.lens.target.foreign_keys if key.references != own and key.enforced)


def analyze(fold: Fold) -> Statement:
    """Rows of an open transaction have no statistics; without them a replay is planned badly."""
    target = fold.lens.target.name
    return Statement(f"measure {target}", sql.SQL("ANALYZE {}").format(target.identifier))
