"""Refolding: rows that were folded before take the keys and values they had, unless somebody took those meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.expression import trusted
from pipelines.core.fold import Fold, Repoint, referenced_columns
from pipelines.core.lens import Making, Placement, SourceLens
from pipelines.core.lens_rules import bare
from pipelines.core.names import Keeping
from pipelines.core.relations import joined, key_names
from pipelines.core.spec import KeyMode
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows import kept

_SQL = load_sql("pipelines.steps.rows", "refolding.sql")


def release_taken(fold: Fold) -> Iterator[Statement]:
    """Before any row is mapped: sequences were set back, so the target's own new rows may have what ours had."""
    for source in fold.lens.sources:
        if source.spec.key is KeyMode.NEW:
            yield _release_keys(fold, source)
        for placement in source.placements:
            if _is_drawn_alone(fold, placement):
                yield _release_values(fold, source, placement)


def _release_keys(fold: Fold, source: SourceLens) -> Statement:
    own = relations.target_key_in_map(fold.lens)
    return Statement(
        f"let keys of rows of {source.name} go that rows of {fold.lens.target.name} have now",
        sql.SQL(_SQL["release_keys"]).format(
            map=names.keeping(Keeping.ROW_MAP, fold.name, source.name).identifier,
            no_key=joined(sql.SQL("{} = NULL").format(sql.Identifier(name)) for name in own),
            target=fold.lens.target.name.identifier,
            same=relations.same_key("m", own, "t", relations.target_key(fold.lens)),
        ),
    )


def _is_drawn_alone(fold: Fold, placement: Placement) -> bool:
    """A value from a default that is another one each time, in a column that is unique by itself."""
    drawn = placement.column.default_is_volatile or bool(placement.column.identity)
    unique = any(index.unique and index.columns == (placement.column.name,) for index in fold.lens.target.indexes)
    return placement.making is Making.DEFAULT and drawn and unique


def _release_values(fold: Fold, source: SourceLens, placement: Placement) -> Statement:
    return Statement(
        f"let kept values of {placement.column.name} go that rows of {fold.lens.target.name} have now",
        sql.SQL(_SQL["release_values"]).format(
            kept=kept.table(fold, source.name).identifier,
            name=sql.Literal(placement.column.name),
            type=trusted(placement.column.type.sql),
            column=sql.Identifier("t", placement.column.name),
            target=fold.lens.target.name.identifier,
        ),
    )


def follow_kept(fold: Fold) -> Iterator[Statement]:
    """In a cut-over, after the children followed: a key whose value was set aside has it again, so they follow on."""
    for repoint in fold.repoints:
        source = fold.lens.source(repoint.source)
        placements = {p.column.name: p for p in source.placements}
        written = [placements[column.to] for column in repoint.columns if column.to in placements]
        if len(written) == len(repoint.columns) and all(p.making is Making.VALUE for p in written):
            yield _follow(fold, source, repoint, written)


def _follow(fold: Fold, source: SourceLens, repoint: Repoint, written: list[Placement]) -> Statement:
    child = [column.column.identifier for column in repoint.columns]
    places = [str(rule.place) for rule in source.rules if rule.column.name in referenced_columns(fold.lens, repoint)]
    said = [
        sql.SQL("c.{} = ({})::{}").format(name, p.value.on("s"), trusted(bare(p.column.type)))
        for name, p in zip(child, written, strict=True)
        if p.value is not None
    ]
    pairs = zip(child, repoint.columns, strict=True)
    changes = [sql.SQL("{} = t.{}").format(name, sql.Identifier(column.to)) for name, column in pairs]
    return Statement(
        f"let {repoint.child} follow keys of {source.name} that were set aside",
        sql.SQL(_SQL["follow_kept"]).format(
            child=repoint.child.identifier,
            changes=joined(changes),
            kept=kept.table(fold, source.name).identifier,
            source=source.name.identifier,
            same_kept=relations.same_key("o", names.key_columns("k", len(source.key)), "s", key_names(source)),
            map=names.keeping(Keeping.ROW_MAP, fold.name, source.name).identifier,
            mapped=relations.same_key("m", relations.source_key_in_map(source), "s", key_names(source)),
            target=fold.lens.target.name.identifier,
            there=relations.same_key("m", relations.target_key_in_map(fold.lens), "t", relations.target_key(fold.lens)),
            places=sql.SQL("{}::pg_catalog.text[]").format(sql.Literal(places)),
            said=joined(said, " AND "),
        ),
    )
