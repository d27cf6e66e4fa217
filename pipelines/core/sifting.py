"""Value by value: for which values an expression fails, and which of the others do not read back.

A DO block, since an error in a query cannot be caught otherwise. It writes nothing, so it may run READ ONLY; what it
found is left in a setting, until the transaction ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.equality import outputs_differ
from pipelines.core.findings import Finding, error
from pipelines.core.lens_proof import Difference, printed
from pipelines.core.relations import joined
from pipelines.core.rule_check import SHOWN, show_value
from pipelines.core.trials import Trial, WayBack
from pipelines.core.wording import counted, number

ANSWER = "pgfold.sifted"
_IMAGE = sql.Identifier("pgfold image")
_ROWS = sql.Identifier("pgfold rows")
_REMEDY = "map those values with values: or forward:, or correct them first"


@dataclass(frozen=True, slots=True)
class Failure:
    """Values for which an expression fails, why, and how many rows have them."""

    values: tuple[str | None, ...]
    rows: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sifted:
    """The most frequent failures, with the number of rows and of different values in all; and what reads back wrong."""

    failures: tuple[Failure, ...]
    rows: int
    values: int
    differences: tuple[Difference, ...] = ()


def sifting(trial: Trial) -> sql.Composed:
    """The DO block."""
    assert trial.rows is not None
    record = sql.Identifier(trial.alias)
    values = joined(printed(sql.Identifier(trial.alias, name)) for name in trial.reads)
    back = trial.way_back
    body = sql.SQL(_SIFT).format(
        record=record,
        records=sql.SQL("{} record; t record;" if back else "{} record;").format(record),
        distinct=_distinct(trial, trial.rows),
        compute=_compute(trial.value, back),
        compare=_compare(back, sql.SQL("{}.{}").format(record, _ROWS)) if back else sql.SQL("NULL;"),
        values=sql.SQL("ARRAY[{}]::pg_catalog.text[]").format(values),
        rows=sql.SQL("{}.{}").format(record, _ROWS),
        limit=sql.Literal(SHOWN),
        answer=sql.Literal(ANSWER),
    )
    return sql.SQL("DO {}").format(sql.Literal(body.as_string(None)))


def _compute(value: sql.Composable, back: WayBack | None) -> sql.Composed:
    if back is None:
        return sql.SQL("PERFORM {};").format(value)
    return sql.SQL("SELECT {} AS {} INTO t;").format(back.made, back.column.identifier)


def _compare(back: WayBack, rows: sql.Composable) -> sql.Composed:
    was = sql.Identifier("s", back.rule.column.name)
    return sql.SQL(_COMPARE).format(
        differ=outputs_differ(was, back.back),
        was=printed(was),
        there=printed(back.there),
        back=printed(back.back),
        rows=rows,
        limit=sql.Literal(SHOWN),
    )


_SIFT = """
#variable_conflict use_column
DECLARE
    {records}
    failing pg_catalog.jsonb := '[]';
    failing_values pg_catalog.int8 := 0;
    failing_rows pg_catalog.int8 := 0;
    differing pg_catalog.jsonb := '[]';
    differing_values pg_catalog.int8 := 0;
    differing_rows pg_catalog.int8 := 0;
BEGIN
    FOR {record} IN {distinct} LOOP
        BEGIN
            {compute}
            {compare}
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
        'failing', failing, 'failing_rows', failing_rows, 'failing_values', failing_values,
        'differing', differing, 'differing_rows', differing_rows, 'differing_values', differing_values
    )::pg_catalog.text, true);
END
"""

_COMPARE = """
            IF {differ} THEN
                differing_values := differing_values + 1;
                differing_rows := differing_rows + {rows};
                IF differing_values <= {limit} THEN
                    differing := differing || pg_catalog.jsonb_build_object(
                        'was', {was}, 'there', {there}, 'back', {back}, 'rows', {rows});
                END IF;
            END IF;
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


def sifted(trial: Trial, answer: str) -> Sifted:
    """What a sifting left in its setting."""
    read = json.loads(answer)
    failures = tuple(Failure(tuple(f["values"]), f["rows"], f["reason"]) for f in read["failing"])
    counts = read["differing_rows"], read["differing_values"]
    differences = tuple(
        Difference(trial.column or "", (), d["was"], d["there"], d["back"], d["rows"], *counts)
        for d in read["differing"]
    )
    return Sifted(failures, read["failing_rows"], read["failing_values"], differences)


def failing(trial: Trial, found: Sifted) -> Iterator[Finding]:
    """What is said of values for which an expression fails."""
    if not found.failures:
        return
    listed = ", ".join(_shown(f.values, f.rows) for f in found.failures)
    left = found.values - len(found.failures)
    more = f", and {number(left)} more" if left > 0 else ""
    reasons = "; ".join(dict.fromkeys(f.reason for f in found.failures[:3]))
    message = f"{counted(found.rows, 'value')} of {trial.subject} cannot {trial.outcome}: {listed}{more} ({reasons})"
    yield error("cannot_convert", trial.object, message, _REMEDY, trial.line)


def _shown(values: Sequence[str | None], rows: int) -> str:
    return f"{', '.join(show_value(value) for value in values)} ({number(rows)})"
