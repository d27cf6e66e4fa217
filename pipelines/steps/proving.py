"""Asks the database what `plan` must know of the rows: never raises for what a row or an expression is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from pipelines.core import lens_proof, sifting, trials
from pipelines.core.findings import Finding, error
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.lens_proof import Difference, Proof
from pipelines.core.placement import place_all
from pipelines.core.rule_check import RuleCheck, Violation, finding_of
from pipelines.core.schema import TableName
from pipelines.core.trials import Trial
from pipelines.database.connection import Connection
from pipelines.steps.session import explained, reason_of

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Usable:
    """A source without what cannot be computed, and what there is to say about that."""

    source: SourceLens
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Proven:
    """A source's proof, None where it could not be had; `source` is without what cannot be computed."""

    source: SourceLens
    proof: Proof | None
    findings: tuple[Finding, ...] = ()


def denied_tables(connection: Connection, tables: Iterable[TableName]) -> Iterator[Finding]:
    """Those whose rows this role may not read, or not all of: row security hides none from pgfold, it refuses."""
    for table in tables:
        try:
            with connection.transaction():
                connection.execute(sql.SQL("SELECT FROM {} LIMIT 0").format(table.identifier))
        except psycopg.errors.InsufficientPrivilege as problem:
            message = f"the rows of {table} cannot be read: {reason_of(problem)}"
            yield error("privilege", str(table), message, "grant what is missing")


def read_trials(connection: Connection, tried: Iterable[Trial]) -> Iterator[tuple[Trial, Finding]]:
    """Those expressions that the server cannot read; tried together first, and one by one where that fails."""
    tried = tuple(tried)
    alike = all(trial.typed == tried[0].typed for trial in tried)
    if not tried or (alike and _refusal(connection, trials.reading(tried)) is None):
        return
    for trial in tried:
        reason = _refusal(connection, trials.reading([trial]))
        if reason is not None:
            yield trial, trials.unreadable(trial, reason)


def readable(connection: Connection, fold: Fold, source: SourceLens) -> Usable:
    """The source without the expressions that the server cannot read."""
    forward = [*read_trials(connection, trials.forward_trials(fold, source))]
    source = _without(fold, source, [trial for trial, _ in forward])
    inverse = [*read_trials(connection, trials.inverse_trials(fold, source))]
    source = _without_inverses(source, [trial for trial, _ in inverse])
    return Usable(source, tuple(finding for _, finding in (*forward, *inverse)))


def prove(connection: Connection, fold: Fold, source: SourceLens, clock: Clock) -> Proven:
    """Every row of the source, there and back; on an error, value by value."""
    try:
        proof = _prove(connection, source, clock)
    except psycopg.DatabaseError as problem:
        _raise_operational(problem)
        usable = _computable(connection, fold, source)
        return _prove_rest(connection, fold, usable, problem, clock)
    return Proven(source, proof, tuple(lens_proof.findings_of(source, str(fold.lens.target.name), proof.differences)))


def _prove(connection: Connection, source: SourceLens, clock: Clock) -> Proof:
    started = clock()
    rules = lens_proof.computed_rules(source)
    with connection.transaction():
        ((rows, differing, *_),) = connection.execute(lens_proof.count_query(source, rules)).fetchall()
        found = connection.execute(lens_proof.differences_query(source, rules)).fetchall() if differing else []
    columns = tuple(rule.column.name for rule in rules)
    differences = tuple(_difference(row) for row in found)
    return Proof(source.name, int(str(rows)), int(str(differing)), clock() - started, columns, differences)


def _difference(row: Sequence[object]) -> Difference:
    column, key, *values, rows, rows_in_all, values_in_all = row
    assert isinstance(key, list)
    was, there, back = (None if value is None else str(value) for value in values)
    counts = (int(str(count)) for count in (rows, rows_in_all, values_in_all))
    return Difference(str(column), tuple(map(str, key)), was, there, back, *counts)


def _prove_rest(
    connection: Connection, fold: Fold, usable: Usable, problem: psycopg.DatabaseError, clock: Clock
) -> Proven:
    """What is left once the failing expressions are out; an error that none of them explains is a finding itself."""
    if usable.findings:
        rest = prove(connection, fold, usable.source, clock)
        return replace(rest, findings=(*usable.findings, *rest.findings))
    message = f"the proof of {usable.source.name} cannot be computed: {reason_of(problem)}"
    return Proven(usable.source, None, (error("proof", str(usable.source.name), message, _PROOF_REMEDY),))


_PROOF_REMEDY = "correct the rows or the rules that it names"


def _computable(connection: Connection, fold: Fold, source: SourceLens) -> Usable:
    """The source without the expressions that fail for some row, each with the values for which it does."""
    forward = [*_failing(connection, fold, source, trials.forward_trials(fold, source))]
    rest = _without(fold, source, [trial for trial, _ in forward])
    inverse = [*_failing(connection, fold, rest, trials.inverse_trials(fold, rest))]
    rest = _without_inverses(rest, [trial for trial, _ in inverse])
    return Usable(rest, tuple(finding for _, findings in (*forward, *inverse) for finding in findings))


def _failing(
    connection: Connection, fold: Fold, source: SourceLens, tried: Iterable[Trial]
) -> Iterator[tuple[Trial, tuple[Finding, ...]]]:
    for trial in tried:
        query = trials.computing(trial)
        reason = _refusal(connection, query) if query is not None else None
        if reason is not None:
            yield trial, _sift(connection, fold, source, trial, reason)


def _sift(connection: Connection, fold: Fold, source: SourceLens, trial: Trial, reason: str) -> tuple[Finding, ...]:
    """By a DO block; where that finds nothing (an error of the query as a whole), the reason alone."""
    try:
        with connection.transaction():
            connection.execute(sifting.sifting(trial))
            ((answer,),) = connection.execute(_ANSWER).fetchall()
    except psycopg.DatabaseError as problem:
        _raise_operational(problem)
        return (trials.unreadable(trial, reason),)
    found = sifting.sifted(trial, str(answer))
    failing = tuple(sifting.failing(trial, found)) or (trials.unreadable(trial, reason),)
    return (*failing, *lens_proof.findings_of(source, str(fold.lens.target.name), found.differences))


_ANSWER = sql.SQL("SELECT pg_catalog.current_setting({})").format(sql.Literal(sifting.ANSWER))


def run_checks(connection: Connection, checks: Iterable[RuleCheck]) -> Iterator[Finding]:
    """What breaks the rules; a query that fails is said of the rule."""
    for check in checks:
        try:
            with connection.transaction():
                rows = connection.execute(check.query).fetchall()
        except psycopg.DatabaseError as problem:
            _raise_operational(problem)
            message = f"the rule {check.rule} of {check.object} cannot be checked: {reason_of(problem)}"
            yield error(check.rule, check.object, message, "correct what the server names", check.spec_line)
            continue
        finding = finding_of(check, [_violation(row) for row in rows])
        if finding is not None:
            yield finding


def _violation(row: Sequence[object]) -> Violation:
    values, *counts = row
    assert isinstance(values, list)
    texts = tuple(None if value is None else str(value) for value in values)
    return Violation(texts, *(int(str(count)) for count in counts))


def _refusal(connection: Connection, query: sql.Composed) -> str | None:
    """The server's reason for not running a query; None where it ran."""
    try:
        with connection.transaction():
            connection.execute(query)
    except psycopg.DatabaseError as problem:
        _raise_operational(problem)
        return reason_of(problem)
    return None


def _raise_operational(problem: psycopg.DatabaseError) -> None:
    """A lost connection, a full disk or a cancelled statement is no finding; a value too long for its type is one."""
    exceeds_limit = (problem.sqlstate or "").startswith("54")  # class program_limit_exceeded (manual, appendix A)
    if isinstance(problem, psycopg.OperationalError) and not exceeds_limit:
        with explained("read the rows"):
            raise problem


def _without(fold: Fold, source: SourceLens, tried: Sequence[Trial]) -> SourceLens:
    """The source without these forwards and constants; a column that nothing else writes has no value then."""
    if not tried:
        return source
    gone = {trial.place for trial in tried}
    rules = tuple(rule for rule in source.rules if rule.place is None or rule.place not in gone)
    constants = tuple(constant for constant in source.constants if constant.place not in gone)
    places = [rule.place for rule in rules] + [constant.place for constant in constants]
    written = {place.column for place in places if place is not None}
    unwritten = {place.column for place in gone if place is not None} - written
    rest, _ = place_all(replace(source, rules=rules, constants=constants), fold.lens.target, fold.lens.key)
    return without_columns(rest, unwritten)


def without_columns(source: SourceLens, columns: Collection[str]) -> SourceLens:
    """The source as if the values of these target columns were not known."""
    return replace(source, placements=tuple(p for p in source.placements if p.column.name not in columns))


def _without_inverses(source: SourceLens, tried: Sequence[Trial]) -> SourceLens:
    """The source with these columns' way back taken out; their way there stays."""
    columns = {trial.column for trial in tried}
    rules = (replace(r, inverse=None) if r.column.name in columns else r for r in source.rules)
    return replace(source, rules=tuple(rules)) if columns else source
