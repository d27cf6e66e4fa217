"""Expressions on trial: can the server read each, and can it compute each for every row there is?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.expression import Expression, cast, trusted
from pipelines.core.findings import Finding, error
from pipelines.core.fold import Fold
from pipelines.core.lens import Constant, Lens, Rule, SourceLens
from pipelines.core.lens_rules import JSONB, bare
from pipelines.core.place import Place
from pipelines.core.relations import joined, proof_rows, provable
from pipelines.core.rule_check import SHOWN, show_value
from pipelines.core.wording import counted, number

ANSWER = "pgfold.failing"
_IMAGE = sql.Identifier("pgfold image")
_ROWS = sql.Identifier("pgfold rows")


@dataclass(frozen=True, slots=True)
class Trial:
    """One expression over a row known as `alias`.

    `typed` is a FROM item by which the server can read it, `rows` one that has every row it must be computed for, or
    None where that is not asked. `column` is the source's column, `place` what it writes to or is read from.
    """

    object: str
    what: str
    subject: str  # as in `3 values of <subject> cannot <outcome>`
    outcome: str
    alias: str
    value: sql.Composable
    reads: tuple[str, ...]
    typed: sql.Composable
    rows: sql.Composable | None = None
    column: str | None = None
    place: Place | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Values for which an expression fails, why, and how many rows have them."""

    values: tuple[str | None, ...]
    rows: int
    reason: str


@dataclass(frozen=True, slots=True)
class Failures:
    """The most frequent of them, and how many there are in all."""

    shown: tuple[Failure, ...]
    rows: int
    values: int


def forward_trials(fold: Fold, source: SourceLens) -> Iterator[Trial]:
    """Everything that reads a source row: rules and constants, in their order."""
    for rule in source.rules:
        if rule.forward is not None and rule.place is not None and not rule.reads_row_map:
            subject = f"{rule.column.name} of {source.name}"
            yield _forward(fold.lens, source, rule, rule.forward, rule.place, "forward", subject, rule.column.name)
    for constant in source.constants:
        subject = f"what set: writes to {constant.place} for {source.name}"
        yield _forward(fold.lens, source, constant, constant.forward, constant.place, "set", subject, None)


def _forward(
    lens: Lens,
    source: SourceLens,
    item: Rule | Constant,
    forward: Expression,
    place: Place,
    what: str,
    subject: str,
    column: str | None,
) -> Trial:
    goal = lens.target[place.column]
    type_sql = JSONB if place.path else goal.type.sql
    row = sql.SQL("{} s").format(source.name.identifier)
    return Trial(
        f"{source.name}.{column}" if column else f"{lens.target.name}.{place}",
        what,
        subject,
        f"become {type_sql.removeprefix('pg_catalog.')} for {place} of {lens.target.name}",
        "s",
        cast(forward, type_sql).on("s"),
        forward.columns,
        row,
        row,
        column,
        place,
        item.line or source.spec.line,
    )


def inverse_trials(fold: Fold, source: SourceLens) -> Iterator[Trial]:
    """Everything that reads a target row back; computed for the rows there are where the proof can be."""
    computed = {rule.column.name for rule in provable(source)}
    typed, rows = typed_row(fold.lens, "t"), proof_rows(source)
    for rule in source.rules:
        if rule.inverse is not None and rule.place is not None and not rule.reads_row_map:
            yield Trial(
                f"{source.name}.{rule.column.name}",
                "inverse",
                f"{rule.place} of {fold.lens.target.name}, as mapped from {source.name},",
                f"come back as {rule.column.type.sql} {rule.column.name}",
                "t",
                cast(rule.inverse, rule.column.type.sql).on("t"),
                rule.inverse.columns,
                typed,
                rows if rule.column.name in computed else None,
                rule.column.name,
                rule.place,
                rule.line or source.spec.line,
            )


def target_trials(fold: Fold) -> Iterator[Trial]:
    """The defaults and checks of the columns that the target gets."""
    target = fold.lens.target
    row = typed_row(fold.lens, target.name.name)
    for added in fold.added:
        where, type_sql = f"{target.name}.{added.name}", target[added.name].type.sql
        if added.default is not None:
            value = cast(Expression((trusted(f"({added.default})"),)), type_sql).on("t")
            nothing = sql.SQL("(SELECT) t")
            yield Trial(where, "default", "the default", "be read", "t", value, (), nothing, line=added.line)
        if added.check is not None:
            value = sql.SQL("({})::boolean").format(trusted(added.check))
            yield Trial(where, "check", "the check", "be read", target.name.name, value, (), row, line=added.line)


def typed_row(lens: Lens, alias: str) -> sql.Composed:
    """A row with the target's columns and types, for reading expressions by."""
    values = joined(
        sql.SQL("NULL::{} AS {}").format(trusted(bare(column.type)), column.identifier)
        for column in lens.target.columns
    )
    return sql.SQL("(SELECT {}) AS {}").format(values, sql.Identifier(alias))


def reading(trials: Sequence[Trial]) -> sql.Composed:
    """Lets the server read expressions over one kind of row; computes nothing but constants."""
    return sql.SQL("EXPLAIN (COSTS OFF) SELECT {} FROM {}").format(joined(t.value for t in trials), trials[0].typed)


def computing(trial: Trial) -> sql.Composed | None:
    """Computes it for every row."""
    if trial.rows is None:
        return None
    return sql.SQL("SELECT pg_catalog.count({}) FROM {}").format(trial.value, trial.rows)


def sifting(trial: Trial) -> sql.Composed:
    """Computes it value by value and leaves what fails in the setting ANSWER, until the transaction ends.

    A DO block: an error in a query cannot be caught otherwise. It writes nothing, so it may run READ ONLY.
    """
    assert trial.rows is not None
    record = sql.Identifier(trial.alias)
    values = joined(_printed(sql.Identifier(trial.alias, name)) for name in trial.reads)
    body = sql.SQL(_SIFT).format(
        record=record,
        distinct=_distinct(trial, trial.rows),
        value=trial.value,
        values=sql.SQL("ARRAY[{}]::pg_catalog.text[]").format(values),
        rows=sql.SQL("{}.{}").format(record, _ROWS),
        limit=sql.Literal(SHOWN),
        answer=sql.Literal(ANSWER),
    )
    return sql.SQL("DO {}").format(sql.Literal(body.as_string(None)))


_SIFT = """
#variable_conflict use_column
DECLARE
    {record} record;
    failing pg_catalog.jsonb := '[]';
    failing_values pg_catalog.int8 := 0;
    failing_rows pg_catalog.int8 := 0;
BEGIN
    FOR {record} IN {distinct} LOOP
        BEGIN
            PERFORM {value};
        EXCEPTION WHEN OTHERS THEN
            failing_values := failing_values + 1;
            failing_rows := failing_rows + {rows};
            IF failing_values <= {limit} THEN
                failing := failing || pg_catalog.jsonb_build_object(
                    'values', {values}, 'rows', {rows}, 'reason', SQLERRM);
            END IF;
        END;
    END LOOP;
    PERFORM pg_catalog.set_config({answer}, pg_catalog.jsonb_build_object(
        'shown', failing, 'rows', failing_rows, 'values', failing_values)::pg_catalog.text, true);
END
"""


def _distinct(trial: Trial, rows: sql.Composable) -> sql.Composed:
    """Each combination of values once, by its exact text, with its number of rows; the most frequent first."""
    reads = [sql.Identifier(trial.alias, name) for name in trial.reads]
    image = joined(reads) if reads else sql.SQL("1")
    return sql.SQL(
        "SELECT * FROM ("
        "SELECT DISTINCT ON ({image}) q.*, pg_catalog.count(*) OVER (PARTITION BY {image}) AS {rows_name}"
        ' FROM (SELECT {columns}ROW({values})::pg_catalog.record::pg_catalog.text COLLATE "C" AS {image} FROM {rows}) q'
        " ORDER BY {image}) d ORDER BY {rows_name} DESC, {image}"
    ).format(
        image=_IMAGE,
        rows_name=_ROWS,
        columns=sql.SQL("{}, ").format(joined(reads)) if reads else sql.SQL(""),
        values=image,
        rows=rows,
    )


def _printed(value: sql.Composable) -> sql.Composed:
    return sql.SQL('pg_catalog."left"(({})::pg_catalog.text, 500)').format(value)


def failures_of(answer: str) -> Failures:
    """What a sifting left in its setting."""
    read = json.loads(answer)
    shown = tuple(Failure(tuple(f["values"]), f["rows"], f["reason"]) for f in read["shown"])
    return Failures(shown, read["rows"], read["values"])


def unreadable(trial: Trial, reason: str) -> Finding:
    """What is said of an expression that the server cannot read."""
    message = f"the {trial.what} of {trial.object} cannot be read: {reason}"
    return error("expression", trial.object, message, "correct it in the spec", trial.line)


def failing(trial: Trial, failures: Failures) -> Finding:
    """What is said of values for which an expression fails."""
    listed = ", ".join(_shown(f.values, f.rows) for f in failures.shown)
    left = failures.values - len(failures.shown)
    more = f", and {number(left)} more" if left > 0 else ""
    reasons = "; ".join(dict.fromkeys(f.reason for f in failures.shown[:3]))
    message = f"{counted(failures.rows, 'value')} of {trial.subject} cannot {trial.outcome}: {listed}{more} ({reasons})"
    return error("cannot_convert", trial.object, message, _REMEDY, trial.line)


_REMEDY = "map those values with values: or forward:, or correct them first"


def _shown(values: Sequence[str | None], rows: int) -> str:
    return f"{', '.join(show_value(value) for value in values)} ({number(rows)})"
