"""Sequences: moved past the greatest key before the first new one is drawn, and past every value that was written."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.fold import Fold
from pipelines.core.lens import Making, SourceLens
from pipelines.core.names import Keeping
from pipelines.core.relations import joined
from pipelines.core.schema import OwnedSequence
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows import fresh_rows, kept
from pipelines.steps.rows.capture import regclass

_SQL = load_sql("pipelines.steps.rows", "sequences.sql")


def advance(fold: Fold, *, refold: bool = False) -> Iterator[Statement]:
    """Move each sequence of the target past the values it has, those that sources bring, and those rows had before."""
    for sequence in written_sequences(fold):
        column = sequence.column
        brought = [
            sql.SQL("(SELECT pg_catalog.max({}) FROM {} s)").format(placement.value.on("s"), source.name.identifier)
            for source in fold.lens.sources
            for placement in source.placements
            if placement.column.name == column
            and placement.making is Making.VALUE
            and placement.value
            and not placement.reads_row_map
        ]
        there = sql.SQL("(SELECT pg_catalog.max({}) FROM {})").format(
            sql.Identifier(column), fold.lens.target.name.identifier
        )
        before = _had_before(fold, column) if refold else ()
        purpose = f"move sequence {sequence.name} past the values of {column}"
        yield _advance(purpose, sequence, joined([there, *brought, *before]))


def pass_fresh(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """Move each sequence past the values that the fresh rows of a pass bring."""
    brought = {p.column.name for p in source.placements if p.making is not Making.DEFAULT}
    for sequence in written_sequences(fold):
        if sequence.column in brought:
            purpose = f"move sequence {sequence.name} past the changed values of {sequence.column}"
            greatest = sql.SQL("(SELECT pg_catalog.max(f.{}) FROM {} f)").format(
                sql.Identifier(sequence.column), fresh_rows.table(source)
            )
            yield _advance(purpose, sequence, greatest)


def _advance(purpose: str, sequence: OwnedSequence, greatest: sql.Composed) -> Statement:
    return Statement(
        purpose,
        sql.SQL(_SQL["advance"]).format(
            sequence=sql.Literal(regclass(sequence.name)),
            relation=sequence.name.identifier,
            increment=sql.Literal(sequence.increment),
            greatest=greatest,
        ),
    )


def _had_before(fold: Fold, column: str) -> Iterator[sql.Composed]:
    """What rows that were folded before take again: keys of the row map, and kept values."""
    for source in fold.lens.sources:
        for placement in source.placements:
            if placement.column.name == column and placement.making is Making.NEW_KEY:
                yield sql.SQL("(SELECT pg_catalog.max(m.{}) FROM {} m)").format(
                    sql.Identifier(relations.target_key_in_map(fold.lens)[0]),
                    names.keeping(Keeping.ROW_MAP, fold.name, source.name).identifier,
                )
            elif placement.column.name == column and placement.making is Making.DEFAULT:
                yield sql.SQL("(SELECT pg_catalog.max((o.kept ->> {})::bigint) FROM {} o)").format(
                    sql.Literal(column), kept.table(fold, source.name).identifier
                )


def written_sequences(fold: Fold) -> tuple[OwnedSequence, ...]:
    """The target's sequences; those that count upwards."""
    return tuple(s for s in fold.lens.target.counting if s.increment > 0)
