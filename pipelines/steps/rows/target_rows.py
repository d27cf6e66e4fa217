"""Rows of the target that the fold writes: inserted from staging, and replaced by fresh ones where sources changed."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.relations import Relation, identifiers, joined
from pipelines.core.spec import KeyMode, OnConflict
from pipelines.core.statement import Statement
from pipelines.core.unique_rules import Key, conflicting, exclusion_keys, keyed, unique_keys
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows import fresh_rows, keeping_tables, mapping

_SQL = load_sql("pipelines.steps.rows", "target_rows.sql")
_PLACE = sql.Identifier("own place")


def insert_staged(fold: Fold, source: SourceLens) -> Statement:
    """Every staged row that nobody changed since; staged rows are of different moments, and these are as of now."""
    columns = [column.name for column in relations.staged_columns(fold.lens)]
    keys = names.key_columns("k", len(source.key))
    return Statement(
        f"write the rows of {source.name} into {fold.lens.target.name}",
        sql.SQL(_SQL["insert_staged"]).format(
            keys=identifiers(keys, "c"),
            changed=mapping.changed(fold, source),
            homeless=_homeless(fold, source, "homeless", "mapped", "w", keys),
            target=fold.lens.target.name.identifier,
            columns=identifiers(columns),
            values=identifiers(columns, "g"),
            staged=mapping.staged(fold, source),
            skipped=keeping_tables.skip_column(fold),
            waits=relations.same_key("w", keys, "g", relations.staging_keys(fold.lens, source)),
        ),
    )


def _homeless(
    fold: Fold, source: SourceLens, block: str, condition: str, alias: str, keys: tuple[str, ...]
) -> sql.Composed:
    if source.spec.key is KeyMode.NEW:
        return sql.SQL(_SQL["no_homeless"]).format()
    no_home = (sql.SQL("{} = NULL").format(sql.Identifier(name)) for name in relations.target_key_in_map(fold.lens))
    same = relations.same_key("m", relations.source_key_in_map(source), alias, keys)
    return sql.SQL(_SQL[block]).format(map=mapping.row_map(fold, source), no_home=joined(no_home), **{condition: same})


def take_out(fold: Fold, source: SourceLens) -> Statement:
    """The rows of this transaction that fresh ones replace, or that their source no longer has."""
    return Statement(
        f"take the old rows of changed keys of {source.name} out of {fold.lens.target.name}",
        sql.SQL(_SQL["take_out"]).format(
            target=fold.lens.target.name.identifier,
            fresh=fresh_rows.table(source),
            row=fresh_rows.book(fold, "row"),
            differs=fresh_rows.book(fold, "differs"),
        ),
    )


def put_in(fold: Fold, source: SourceLens, *, locked: bool) -> Statement:
    """Fresh rows, once every old one has left; unless `locked`, those that find no place wait: as many rows."""
    keys, to = relations.staging_keys(fold.lens, source), relations.target_key(fold.lens)
    columns = [column.name for column in relations.staged_columns(fold.lens)]
    return Statement(
        f"write the changed rows of {source.name} into {fold.lens.target.name}",
        sql.SQL(_SQL["put_in" if locked else "put_in_where_free"]).format(
            target=fold.lens.target.name.identifier,
            columns=identifiers(columns),
            values=identifiers(columns, "f"),
            fresh=fresh_rows.table(source),
            there=fresh_rows.book(fold, "there"),
            differs=fresh_rows.book(fold, "differs"),
            unskipped=_unskipped(fold, source),
            free=_where_free(fold, source),
            key=identifiers(to),
            fresh_keys=identifiers(keys, "f"),
            same_put=relations.same_key("p", to, "f", to),
            homeless_left_out=_homeless(fold, source, "homeless_left_out", "mapped_left_out", "l", keys),
            changed=mapping.changed(fold, source),
        ),
    )


def _unskipped(fold: Fold, source: SourceLens) -> sql.Composable:
    if source.spec.on_conflict is not OnConflict.SKIP:
        return sql.SQL("")
    keys = relations.staging_keys(fold.lens, source)
    return sql.SQL(_SQL["unskipped"]).format(
        staged=mapping.staged(fold, source),
        same_staged=relations.same_key("g", keys, "f", keys),
        skipped=keeping_tables.skip_column(fold),
    )


def _where_free(fold: Fold, source: SourceLens) -> sql.Composable:
    if not deferrable_keys(fold):
        return sql.SQL(" ON CONFLICT DO NOTHING")
    computed = {column.name for column in fold.lens.target.columns if column.generated}
    keys = (*unique_keys(fold.lens.target), *exclusion_keys(fold.lens.target))
    return joined((_free_of(fold, source, key) for key in keys if not computed & key.reads), "")


def _free_of(fold: Fold, source: SourceLens, key: Key) -> sql.Composed:
    own = relations.staging_keys(fold.lens, source)
    all_columns = frozenset(column.name for column in fold.lens.target.columns)
    bringing = Relation(fresh_rows.table(source), all_columns)
    having = Relation(fold.lens.target.name.identifier, all_columns)
    return sql.SQL(_SQL["free"]).format(
        bringing=keyed(fold.lens, key, bringing, [sql.Identifier(name) for name in own]),
        having=keyed(fold.lens, key, having),
        conflicting=conflicting(fold.lens, key, "h", "m"),
        same_bringing=relations.same_key("m", own, "f", own),
    )


def deferrable_keys(fold: Fold) -> tuple[Key, ...]:
    """Unique and exclusion constraints that are only looked at by a trigger, which does not fire for us."""
    keys = (*unique_keys(fold.lens.target), *exclusion_keys(fold.lens.target))
    return tuple(key for key in keys if not key.index.immediate)


def twice(fold: Fold, key: Key) -> Statement:
    """Up to five values that two rows of the target have, though its constraint says that none may."""
    rows = Relation(fold.lens.target.name.identifier, frozenset())
    both = keyed(fold.lens, key, rows, [sql.SQL("ctid AS {}").format(_PLACE)])
    return Statement(
        f"see that no two rows of {fold.lens.target.name} share {key.words}",
        sql.SQL(_SQL["twice"]).format(
            shown=relations.output_array([sql.Identifier("a", name) for name in key.values]),
            rows=both,
            conflicting=conflicting(fold.lens, key, "a", "b"),
            place=_PLACE,
        ),
    )


def analyze(fold: Fold) -> Statement:
    """After the commit: the target has many rows that its statistics do not know."""
    target = fold.lens.target.name
    return Statement(f"measure {target}", sql.SQL("ANALYZE (SKIP_LOCKED) {}").format(target.identifier))


def statements(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """How changed rows are replaced, under the lock."""
    yield take_out(fold, source)
    yield put_in(fold, source, locked=True)
