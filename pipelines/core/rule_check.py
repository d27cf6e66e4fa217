"""One rule that rows must keep: a query that finds what breaks it, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.findings import Finding, Severity
from pipelines.core.relations import joined
from pipelines.core.wording import counted, number, shortened, visible

SHOWN = 20
_VALUE_LENGTH = 60
_GROUPED_LENGTH = 500
_ONE = sql.SQL("1")


@dataclass(frozen=True, slots=True)
class Sentence:
    """`3 values of severity have no counterpart`: the count, then these; `verb` is singular and plural."""

    noun: str  # row or value
    about: str
    verb: tuple[str, str]
    rest: str
    counts_values: bool = False  # different values, else the rows that have them

    def of(self, count: int) -> str:
        """The sentence for that many."""
        parts = (counted(count, self.noun), self.about, self.verb[0 if count == 1 else 1], self.rest)
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """What breaks one rule.

    `query` gives, most frequent first and at most SHOWN rows: the values as text[] (NULL for NULL, one for each of
    `columns`), how many rows have them, how many rows break the rule in all, and how many different values do.
    """

    severity: Severity
    rule: str
    object: str
    sentence: Sentence
    remedy: str
    query: sql.Composed
    columns: tuple[str, ...] = ()  # what the values are called; none where there is one that needs no name
    spec_line: int | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """A row of such a query."""

    values: tuple[str | None, ...]
    rows: int
    rows_in_all: int
    values_in_all: int


def violations_query(
    shown: Sequence[sql.Composable], source: sql.Composable, weight: sql.Composable = _ONE
) -> sql.Composed:
    """Values and counts of what `source` (`FROM ... WHERE ...`) gives; each of it stands for `weight` rows."""
    text = sql.SQL('pg_catalog."left"(({})::pg_catalog.text, {}) COLLATE "C"')
    texts = joined(text.format(value, sql.Literal(_GROUPED_LENGTH)) for value in shown)
    return sql.SQL(
        "SELECT ARRAY[{texts}]::pg_catalog.text[], pg_catalog.sum({weight})::bigint,"
        " (pg_catalog.sum(pg_catalog.sum({weight})) OVER ())::bigint, pg_catalog.count(*) OVER ()"
        " {source} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {limit}"
    ).format(texts=texts, weight=weight, source=source, limit=sql.Literal(SHOWN))


def finding_of(check: RuleCheck, violations: Sequence[Violation]) -> Finding | None:
    """What a person is told; None where nothing breaks the rule."""
    if not violations:
        return None
    first = violations[0]
    told = check.sentence.of(first.values_in_all if check.sentence.counts_values else first.rows_in_all)
    listed = list_values(check.columns, violations)
    message = f"{told}: {listed}" if listed else told
    return Finding(check.severity, check.rule, check.object, message, check.remedy, check.spec_line)


def list_values(columns: Sequence[str], violations: Sequence[Violation]) -> str:
    """`'Sev1' (3), 'sev 2' (1)`, with the columns' names where there are several."""
    shown = [f"{text} ({number(v.rows)})" for v in violations if (text := _shown(columns, v.values))]
    left = violations[0].values_in_all - len(violations) if violations else 0
    return ", ".join([*shown, *([f"and {number(left)} more"] if left > 0 and shown else [])])


def show_value(value: str | None) -> str:
    """A value as a message names it."""
    return "NULL" if value is None else f"'{visible(shortened(value, _VALUE_LENGTH))}'"


def _shown(columns: Sequence[str], values: Iterable[str | None]) -> str:
    texts = [show_value(value) for value in values]
    if len(columns) < 2:
        return ", ".join(texts)
    return " ".join(f"{name} {text}" for name, text in zip(columns, texts, strict=True))
