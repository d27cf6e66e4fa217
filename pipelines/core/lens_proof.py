"""The proof of the lens by reading alone: `inverse(forward(s)) = s` for every row of a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.equality import outputs_differ
from pipelines.core.findings import Finding, error
from pipelines.core.lens import Making, Placement, Rule, SourceLens, Treatment
from pipelines.core.lens_rules import document_at
from pipelines.core.relations import (
    inverse_of,
    joined,
    key_names,
    proof_rows,
    provable,
    read_back_differs,
    readable_columns,
)
from pipelines.core.rule_check import SHOWN, show_value
from pipelines.core.schema import TableName
from pipelines.core.wording import counted, number

_PRINTED_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of which one column does not read back: they share a source value and what it becomes.

    `was`, `there` and `back` are the source's value, the target's, and what is read back; None for NULL. `key` is of
    one of the `rows`, empty where it was not asked for. The counts in all are of what differs in this column.
    """

    column: str
    key: tuple[str, ...]
    was: str | None
    there: str | None
    back: str | None
    rows: int
    rows_in_all: int
    values_in_all: int


@dataclass(frozen=True, slots=True)
class Proof:
    """What the proof of one source found; `columns` are those whose way back was computed."""

    source: TableName
    rows: int
    differing: int
    took_s: float
    columns: tuple[str, ...]
    differences: tuple[Difference, ...] = ()


def computed_rules(source: SourceLens) -> tuple[Rule, ...]:
    """The rules whose way back must be computed: a column that is copied as it is reads back by construction."""
    return tuple(rule for rule in provable(source) if rule.treatment is not Treatment.SAME)


def count_query(source: SourceLens, rules: Sequence[Rule]) -> sql.Composed:
    """How many rows there are, and how many do not read back; then a count a column, so that each is computed."""
    computed = [sql.SQL(", pg_catalog.count(t.{})").format(sql.Identifier(name)) for name in _made_columns(source)]
    return sql.SQL("SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE {}){} FROM {}").format(
        read_back_differs(rules), joined(computed, ""), proof_rows(source)
    )


def _made_columns(source: SourceLens) -> tuple[str, ...]:
    """The target columns whose values are known and more than a copy: computing one may fail."""
    known = readable_columns(source)
    return tuple(
        p.column.name
        for p in source.placements
        if p.column.name in known and p.making is not Making.DEFAULT and not _is_copy(source, p)
    )


def _is_copy(source: SourceLens, placement: Placement) -> bool:
    rules = (rule for rule in source.rules if rule.place is not None and rule.place.column == placement.column.name)
    return placement.making is Making.VALUE and any(rule.treatment is Treatment.SAME for rule in rules)


def differences_query(source: SourceLens, rules: Sequence[Rule]) -> sql.Composed:
    """Rows as `Difference` has them, the most frequent first, at most SHOWN a column."""
    values = joined(
        sql.SQL("({name}, {was}, {there}, {back}, {differ})").format(
            name=sql.Literal(rule.column.name),
            was=printed(sql.Identifier("s", rule.column.name)),
            there=printed(there(source, rule)),
            back=printed(inverse_of(rule)),
            differ=outputs_differ(sql.Identifier("s", rule.column.name), inverse_of(rule)),
        )
        for rule in rules
    )
    return sql.SQL(_DIFFERENCES).format(
        key=joined(printed(sql.Identifier("s", name)) for name in key_names(source)),
        rows=proof_rows(source),
        values=values,
        differ=read_back_differs(rules),
        limit=sql.Literal(SHOWN),
    )


_DIFFERENCES = (
    "SELECT column_name, key, was, there, back, rows, rows_in_all, values_in_all FROM ("
    " SELECT d.column_name, pg_catalog.min(ARRAY[{key}]) AS key, d.was, d.there, d.back, pg_catalog.count(*) AS rows,"
    " (pg_catalog.sum(pg_catalog.count(*)) OVER (PARTITION BY d.column_name))::bigint AS rows_in_all,"
    " pg_catalog.count(*) OVER (PARTITION BY d.column_name) AS values_in_all,"
    " pg_catalog.row_number() OVER (PARTITION BY d.column_name ORDER BY pg_catalog.count(*) DESC, d.was) AS place"
    " FROM {rows} CROSS JOIN LATERAL (VALUES {values}) d(column_name, was, there, back, differ)"
    " WHERE {differ} AND d.differ GROUP BY d.column_name, d.was, d.there, d.back"
    ") found WHERE place <= {limit} ORDER BY column_name, place"
)


def printed(value: sql.Composable) -> sql.Composed:
    """The exact output, NULL for NULL: a cast to text drops the blanks of a bpchar, IS NULL looks into composites."""
    return sql.SQL(
        "(CASE WHEN pg_catalog.num_nonnulls({v}) > 0"
        ' THEN pg_catalog."left"(pg_catalog.format(\'%s\', {v}), {length}) END COLLATE "C")'
    ).format(v=value, length=sql.Literal(_PRINTED_LENGTH))


def there(source: SourceLens, rule: Rule) -> sql.Composable:
    """The value that stands in the target row `t` for a rule's column, at its path too."""
    assert rule.place is not None
    target = next(p.column for p in source.placements if p.column.name == rule.place.column)
    if rule.place.path:
        return document_at(rule.place, target).on("t")
    return sql.Identifier("t", target.name)


def findings_of(source: SourceLens, target: str, differences: Sequence[Difference]) -> Iterator[Finding]:
    """One finding a column that does not read back."""
    for rule in source.rules:
        found = [d for d in differences if d.column == rule.column.name]
        if found:
            yield _finding(source, target, rule, found)


def _finding(source: SourceLens, target: str, rule: Rule, found: Sequence[Difference]) -> Finding:
    rows = found[0].rows_in_all
    listed = ", ".join(_told(d) for d in found)
    left = found[0].values_in_all - len(found)
    more = f", and {number(left)} more" if left > 0 else ""
    do = "does" if rows == 1 else "do"
    return error(
        "read_back",
        f"{source.name}.{rule.column.name}",
        f"{counted(rows, 'value')} of {rule.column.name} {do} not read back from {target}.{rule.place}: {listed}{more}",
        "map it so that each value has its own, or mark it lossy: true",
        rule.line,
    )


def _told(d: Difference) -> str:
    became = f"becomes {show_value(d.there)}" if d.there == d.back else (
        f"becomes {show_value(d.there)} and comes back as {show_value(d.back)}"
    )  # fmt: skip
    key = f", key {', '.join(d.key)}" if d.key else ""
    return f"{show_value(d.was)} {became} ({number(d.rows)}{key})"
