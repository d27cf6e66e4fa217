"""on_conflict: skip: a row whose key or unique value is taken stays behind; decided again at every pass.

The target's own rows come first, then the sources in the spec's order, then rows in key order.
"""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.expression import trusted
from pipelines.core.fold import Fold, Repoint, referenced_columns
from pipelines.core.lens import SourceLens
from pipelines.core.names import Keeping
from pipelines.core.relations import identifiers, joined
from pipelines.core.schema import Index
from pipelines.core.spec import OnConflict
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps import keeping_tables, mapping, target_rows
from pipelines.steps.mapping import Keys
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps", "conflicts.sql")


def skipping(fold: Fold) -> tuple[SourceLens, ...]:
    """The sources whose rows may stay behind, in the spec's order."""
    return tuple(s for s in fold.lens.sources if s.spec.on_conflict is OnConflict.SKIP)


def decide(fold: Fold, session: Session, *, inserted: bool, held: Keys | None = None) -> None:
    """Mark and unmark rows; where rows are `inserted` already, the target follows, but for the keys `held` back."""
    for source in skipping(fold):
        _decide_source(fold, source, session, inserted=inserted, held=held)


def _decide_source(fold: Fold, source: SourceLens, session: Session, *, inserted: bool, held: Keys | None) -> None:
    rows = session.rows(flips(fold, source, inserted=inserted))
    keys = Keys(tuple(tuple(str(value) for value in row[0]) for row in rows))
    if keys.keys and inserted:
        session.execute(target_rows.take_out(fold, source, keys))
    if keys.keys:
        session.execute(flip(fold, source, keys))
    session.execute(note_in_map(fold, source))
    later = Keys(tuple(key for key in keys.keys if held is None or key not in held.keys))
    if later.keys and inserted:
        session.execute(target_rows.insert(fold, source, later))


def statements(fold: Fold) -> Iterator[Statement]:
    """What is asked and noted at every pass."""
    for source in skipping(fold):
        yield flips(fold, source, inserted=False)
        yield note_in_map(fold, source)


def flips(fold: Fold, source: SourceLens, *, inserted: bool) -> Statement:
    """The keys of rows that are marked and should not be, or the other way round."""
    losers = [part for index in _unique_indexes(fold) for part in _losers(fold, source, index, inserted=inserted)]
    keys = relations.staging_keys(fold.lens, source)
    return Statement(
        f"decide which rows of {source.name} stay behind",
        sql.SQL(_SQL["flips"]).format(
            key=relations.output_array([sql.Identifier("g", name) for name in keys]),
            keys=identifiers(keys, "g"),
            staged=mapping.staged(fold, source),
            skipped=keeping_tables.skip_column(fold),
            losers=joined(losers, " UNION ALL ")
            if losers
            else sql.SQL("SELECT {} WHERE false").format(identifiers(keys)),
        ),
    )


def flip(fold: Fold, source: SourceLens, keys: Keys) -> Statement:
    """These rows change sides."""
    return Statement(
        f"mark the rows of {source.name} that stay behind",
        sql.SQL(_SQL["flip"]).format(
            staged=mapping.staged(fold, source),
            skipped=keeping_tables.skip_column(fold),
            keys=identifiers(relations.staging_keys(fold.lens, source), "g"),
            wanted=identifiers(names.key_columns("k", len(source.key)), "k"),
            rows=mapping.unnested(source, keys),
        ),
    )


def note_in_map(fold: Fold, source: SourceLens) -> Statement:
    """The row map says the same as the marks."""
    return Statement(
        f"note in the row map which rows of {source.name} stay behind",
        sql.SQL(_SQL["note_in_map"]).format(
            map=names.keeping(Keeping.ROW_MAP, fold.name, source.name).identifier,
            staged=mapping.staged(fold, source),
            skipped=keeping_tables.skip_column(fold),
            same=relations.same_key(
                "m", relations.source_key_in_map(source), "g", relations.staging_keys(fold.lens, source)
            ),
        ),
    )


def skipped_with_children(fold: Fold, source: SourceLens, repoint: Repoint) -> Statement:
    """Up to twenty keys of rows that stay behind although a child references them."""
    referenced = referenced_columns(fold.lens, repoint)
    pairs = [(c.column.name, name) for c, name in zip(repoint.columns, referenced, strict=True)]
    return Statement(
        f"look for children of rows of {source.name} that stay behind",
        sql.SQL(_SQL["skipped_with_children"]).format(
            key=relations.output_array([sql.Identifier("s", name) for name in relations.key_names(source)]),
            source=source.name.identifier,
            map=names.keeping(Keeping.ROW_MAP, fold.name, source.name).identifier,
            mapped=relations.same_key("m", relations.source_key_in_map(source), "s", relations.key_names(source)),
            child=repoint.child.identifier,
            same=joined(
                (sql.SQL("c.{} = s.{}").format(sql.Identifier(a), sql.Identifier(b)) for a, b in pairs), " AND "
            ),
        ),
    )


def _unique_indexes(fold: Fold) -> tuple[Index, ...]:
    return tuple(index for index in fold.lens.target.indexes if index.unique and index.valid)


def _losers(fold: Fold, source: SourceLens, index: Index, *, inserted: bool) -> Iterator[sql.Composed]:
    keys = relations.staging_keys(fold.lens, source)
    own = _unique_rows(fold, source, index, keys)
    equal = _equal(index)
    shared = {"keys": identifiers(keys, "a"), "own": own, "equal": equal}
    target = _values_of(fold, fold.lens.target.name.identifier, index, relations.target_key(fold.lens))
    ours = _ours(fold) if inserted else sql.SQL("false")
    yield sql.SQL(_SQL["loses_to_target"]).format(other=target, ours=ours, **shared)
    for earlier in fold.lens.sources[: fold.lens.sources.index(source)]:
        rows = _unique_rows(fold, earlier, index, relations.staging_keys(fold.lens, earlier), unskipped=True)
        yield sql.SQL(_SQL["loses_to_earlier"]).format(other=rows, **shared)
    yield sql.SQL(_SQL["loses_to_sibling"]).format(
        other=own, smaller=sql.SQL("({}) < ({})").format(identifiers(keys, "b"), identifiers(keys, "a")), **shared
    )


def _ours(fold: Fold) -> sql.Composable:
    """A row of the target that this transaction wrote."""
    key = relations.target_key(fold.lens)
    tests = [
        sql.SQL("EXISTS (SELECT FROM {} x WHERE {} AND NOT x.{})").format(
            mapping.staged(fold, source),
            relations.same_key("x", key, "b", key),
            keeping_tables.skip_column(fold),
        )
        for source in fold.lens.sources
    ]
    return joined(tests, " OR ")


def _unique_rows(
    fold: Fold, source: SourceLens, index: Index, keys: tuple[str, ...], *, unskipped: bool = False
) -> sql.Composed:
    only = sql.SQL("NOT {}").format(keeping_tables.skip_column(fold)) if unskipped else sql.SQL("true")
    return _values_of(fold, mapping.staged(fold, source), index, keys, only)


def _values_of(
    fold: Fold, relation: sql.Composable, index: Index, keys: tuple[str, ...], only: sql.Composable | None = None
) -> sql.Composed:
    """Rows with their key and what the index compares, under the target's own name, which expressions may use."""
    values = [
        sql.SQL("({}) AS {}").format(
            sql.Identifier(column) if column is not None else trusted(text), sql.Identifier(f"value {number}")
        )
        for number, (text, column) in enumerate(zip(index.keys, index.columns, strict=True))
    ]
    return sql.SQL("(SELECT {}, {} FROM {} AS {} WHERE {} AND {})").format(
        identifiers(keys),
        joined(values),
        relation,
        sql.Identifier(fold.lens.target.name.name),
        trusted(f"({index.predicate})") if index.predicate else sql.SQL("true"),
        only or sql.SQL("true"),
    )


def _equal(index: Index) -> sql.Composed:
    test = "a.{0} IS NOT DISTINCT FROM b.{0}" if index.nulls_not_distinct else "a.{0} = b.{0}"
    return joined((sql.SQL(test).format(sql.Identifier(f"value {n}")) for n in range(len(index.keys))), " AND ")
