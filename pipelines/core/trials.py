"""Expressions on trial: can the server read each, and can it compute each for every row there is?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.expression import Expression, cast, column, trusted
from pipelines.core.findings import Finding, error
from pipelines.core.fold import Fold
from pipelines.core.lens import Constant, Lens, Rule, SourceLens, Treatment
from pipelines.core.lens_rules import JSONB, bare, document_at
from pipelines.core.place import Place
from pipelines.core.placement import object_of
from pipelines.core.relations import inverse_of, joined, proof_rows, provable
from pipelines.core.schema import Column


@dataclass(frozen=True, slots=True)
class WayBack:
    """What becomes of the value of a trial: `made` is the target column's value, `back` reads it in a row `t`."""

    rule: Rule
    column: Column
    made: sql.Composable
    there: sql.Composable
    back: sql.Composable


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
    way_back: WayBack | None = None


def forward_trials(fold: Fold, source: SourceLens) -> Iterator[Trial]:
    """Everything that reads a source row: rules and constants, in their order."""
    for rule in source.rules:
        if rule.forward is not None and rule.place is not None and not rule.reads_row_map:
            subject = f"{rule.column.name} of {source.name}"
            what = "forward" if rule.treatment is Treatment.CUSTOM else "mapping"
            yield _forward(fold.lens, source, rule, rule.forward, rule.place, what, subject, rule.column.name)
    for constant in source.constants:
        read = ", ".join(constant.forward.columns)
        subject = f"{read} of {source.name}, which set reads," if read else f"set for {source.name}"
        yield _forward(fold.lens, source, constant, constant.forward, constant.place, "set", subject, None)


def _forward(
    lens: Lens,
    source: SourceLens,
    item: Rule | Constant,
    forward: Expression,
    place: Place,
    what: str,
    subject: str,
    column_name: str | None,
) -> Trial:
    goal = lens.target[place.column]
    type_sql = JSONB if place.path else goal.type.sql
    row = sql.SQL("{} s").format(source.name.identifier)
    return Trial(
        f"{source.name}.{column_name}" if column_name else f"{lens.target.name}.{place}",
        what,
        subject,
        f"become {type_sql.removeprefix('pg_catalog.')} for {lens.target.name}.{place}",
        "s",
        cast(forward, type_sql).on("s"),
        forward.columns,
        row,
        row,
        column_name,
        place,
        item.line or source.spec.line,
        _way_back(lens, item, forward, place) if isinstance(item, Rule) else None,
    )


def _way_back(lens: Lens, rule: Rule, forward: Expression, place: Place) -> WayBack | None:
    """Where one column alone says what was: then a value can be read back by itself."""
    if not rule.is_proven or rule.inverse is None or rule.inverse.columns != (place.column,):
        return None
    goal = lens.target[place.column]
    made = object_of(((place.path, forward),)) if place.path else forward
    there = document_at(place, goal) if place.path else column(goal.name)
    return WayBack(rule, goal, cast(made, goal.type.sql).on("s"), there.on("t"), inverse_of(rule))


def inverse_trials(fold: Fold, source: SourceLens) -> Iterator[Trial]:
    """Everything that reads a target row back; computed for the rows there are where the proof can be."""
    computed = {rule.column.name for rule in provable(source)}
    typed, rows = typed_row(fold.lens, "t"), proof_rows(source)
    for rule in source.rules:
        if rule.inverse is not None and rule.place is not None and not rule.reads_row_map:
            yield Trial(
                f"{source.name}.{rule.column.name}",
                "inverse" if rule.treatment is Treatment.CUSTOM else "way back",
                f"{fold.lens.target.name}.{rule.place}, as mapped from {source.name},",
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
        if target.column(added.name) is None:
            continue  # its type is unknown
        where, type_sql = f"{target.name}.{added.name}", target[added.name].type.sql
        if added.default is not None:
            value = cast(Expression((trusted(f"({added.default})"),)), type_sql).on("t")
            nothing = sql.SQL("(SELECT) t")
            yield Trial(where, "default", where, "be made", "t", value, (), nothing, None, added.name, line=added.line)
        if added.check is not None:
            value = sql.SQL("({})::boolean").format(trusted(added.check))
            name = target.name.name
            yield Trial(where, "check", where, "be checked", name, value, (), row, None, added.name, line=added.line)


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


def unreadable(trial: Trial, reason: str) -> Finding:
    """What is said of an expression that the server cannot read."""
    message = f"the {trial.what} of {trial.object} is refused by the server: {reason}"
    return error("expression", trial.object, message, _remedy(trial, reason), trial.line)


def _remedy(trial: Trial, reason: str) -> str:
    """A json column takes by a cast only what is a document already; below it every value has a place."""
    whole = trial.place is not None and not trial.place.path
    if whole and trial.what == "mapping" and trial.column is not None and _NO_DOCUMENT.search(reason):
        return f"put it below that column: {trial.column}: {trial.place}.{trial.column}"
    return "correct it in the spec"


_NO_DOCUMENT = re.compile(r"cannot cast type .* to jsonb?$")
