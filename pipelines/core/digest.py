"""The content digest of a table: the same for the same rows in any order, under pgfold's session settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.equality import row_of
from pipelines.core.portions import WHOLE, Portion
from pipelines.core.schema import TableName

# Two hashes of 64 bits each: rows that cancel each other out in one sum do not in the other.
_SEEDS = (0, 0x7067666F6C64)
_MODULUS = 2**64


@dataclass(frozen=True, slots=True)
class Digest:
    """Row count, and the sums of two seeded 64-bit hashes of each row's text, modulo 2^64, as 16 hex digits each."""

    rows: int
    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.rows} rows, {self.first}-{self.second}"


def digest_query(
    table: TableName, columns: Sequence[str], *, descendants: bool = False, portion: Portion = WHOLE[0]
) -> sql.Composed:
    """One row: count and the two sums modulo 2^64; `descendants` reads a partitioned table's leaves too.

    The text is that of output functions (`ROW(...)::record::text`): two values with one text are the same value, as
    dump and restore would see it. OFFSET 0 keeps the text from being made twice.
    """
    return sql.SQL(
        "SELECT pg_catalog.count(*), {first}, {second}"
        ' FROM (SELECT {row}::pg_catalog.text COLLATE pg_catalog."C" AS text'
        " FROM {only}{table} AS digested{where} OFFSET 0) AS line"
    ).format(
        first=_sum(_SEEDS[0]),
        second=_sum(_SEEDS[1]),
        row=row_of([sql.Identifier("digested", column) for column in columns]),
        only=sql.SQL("" if descendants else "ONLY "),
        table=table.identifier,
        where=portion.where("digested"),
    )


def digest_of(rows: int, first: int, second: int) -> Digest:
    """The digest from `digest_query`'s row."""
    return Digest(rows, f"{first:016x}", f"{second:016x}")


def sum_digests(digests: Iterable[Digest]) -> Digest:
    """The digest of all rows from those of portions."""
    listed = tuple(digests)
    return digest_of(
        sum(digest.rows for digest in listed),
        sum(int(digest.first, 16) for digest in listed) % _MODULUS,
        sum(int(digest.second, 16) for digest in listed) % _MODULUS,
    )


def _sum(seed: int) -> sql.Composed:
    """The remainder of a negative sum is negative, so once more."""
    return sql.SQL(
        "pg_catalog.mod(pg_catalog.mod(coalesce(pg_catalog.sum("
        "pg_catalog.hashtextextended(line.text, {seed})), 0), {modulus}) + {modulus}, {modulus})"
    ).format(seed=sql.Literal(seed), modulus=sql.Literal(_MODULUS))
