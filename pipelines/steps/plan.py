"""plan: everything that can be known before anything is touched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from pipelines.core.authored import (
    AuthoredFacts,
    added_to,
    authored_expressions,
    authored_findings,
    drawn_columns,
    has_expressions,
)
from pipelines.core.findings import Finding, Severity
from pipelines.core.fold import Fold, build_fold
from pipelines.core.lens import Lens, SourceLens
from pipelines.core.lens_building import Built, build_lens, target_with_additions
from pipelines.core.lens_proof import Proof
from pipelines.core.neighbours import neighbour_findings
from pipelines.core.plan import Plan, Steps, plan_hash
from pipelines.core.preflight import catalog_findings, preflight
from pipelines.core.relations import live_rows, mapped_rows
from pipelines.core.rules import rule_checks
from pipelines.core.schema import ColumnType, FunctionFacts, Schema
from pipelines.core.shapes import refused_shapes, system_tables
from pipelines.core.source_rules import empty_checks, source_checks
from pipelines.core.spec import Spec
from pipelines.core.trials import Trial, target_trials
from pipelines.database.connection import Connection
from pipelines.database.introspection import read_schema, read_types
from pipelines.steps.authoring import read_functions
from pipelines.steps.neighbours import read_neighbours
from pipelines.steps.plan_facts import read_facts, tables_of
from pipelines.steps.proving import Proven, denied_tables, prove, read_trials, readable, run_checks
from pipelines.steps.sequence import fold_statements

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalog says, in one snapshot, and what was made of it."""

    spec: Spec
    schema: Schema
    types: Mapping[str, ColumnType]
    authored: tuple[AuthoredFacts, ...]
    built: Built

    @property
    def functions(self) -> tuple[FunctionFacts, ...]:
        """Every function that the author's expressions call, each once, by name."""
        found = {function for facts in self.authored for function in facts.functions}
        return tuple(sorted(found, key=lambda function: (function.name, function.digest)))


@dataclass(frozen=True, slots=True)
class RowsRead:
    """What reading every row found out."""

    findings: tuple[Finding, ...] = ()
    proofs: tuple[Proof, ...] = ()
    sources: tuple[SourceLens, ...] = ()  # without what cannot be computed


def make_plan(connection: Connection, spec: Spec, *, quick: bool = False, clock: Clock = time.monotonic) -> Plan:
    """Read the catalog, prove the lens on every row, and check the target's rules; `quick` reads no rows.

    Findings are in the plan, not raised. Rows are read in one REPEATABLE READ READ ONLY transaction; the functions of
    an author's expressions are found out before it, by temporary views that are rolled back.

    Raises:
        Transient: the tables were changed meanwhile, or the connection was lost.
    """
    started = clock()
    types = read_types(connection, [added.type for added in spec.add_columns])
    authored = tuple(_read_authored(connection, spec, types))
    with _snapshot(connection):
        schema = read_schema(connection, spec.table_names)
        known = Known(spec, schema, types, authored, build_lens(spec, schema, types, drawn_columns(authored)))
        if known.built.lens is None:
            return _unbuilt(known, clock() - started, quick)
        made = _made(connection, known, known.built.lens, quick, clock)
    return replace(made, seconds=clock() - started)


@contextmanager
def _snapshot(connection: Connection) -> Iterator[None]:
    """One transaction in which nothing can change."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _read_authored(connection: Connection, spec: Spec, types: Mapping[str, ColumnType]) -> Iterator[AuthoredFacts]:
    """Before the snapshot, which is read only; a table that changes in between fails the proof."""
    if not has_expressions(spec):
        return
    schema = read_schema(connection, spec.table_names)
    there = schema.table(spec.target)
    if there is not None:
        target = target_with_additions(spec, there, types)
        expressions = authored_expressions(spec, schema, target)
        yield from read_functions(connection, expressions, added_to(target, schema))


def _unbuilt(known: Known, seconds: float, quick: bool) -> Plan:
    findings = (*known.built.findings, *authored_findings(known.authored), *catalog_findings(known.spec, known.schema))
    return Plan(
        spec=known.spec,
        fold=None,
        findings=_ordered(_telling(known, findings)),
        hash=plan_hash(known.spec, known.schema, known.functions, ()),
        seconds=seconds,
        quick=quick,
        added_types=known.types,
        functions=known.functions,
    )


def _made(connection: Connection, known: Known, lens: Lens, quick: bool, clock: Clock) -> Plan:
    built = build_fold(known.spec, known.schema, lens)
    fold = built.fold
    findings = [*known.built.findings, *built.findings, *authored_findings(known.authored), *preflight(fold)]
    findings += neighbour_findings(fold, read_neighbours(connection, fold))
    refused = [*read_trials(connection, target_trials(fold))]
    findings += [finding for _, finding in refused]
    denied = tuple(denied_tables(connection, tables_of(fold)))
    rows = RowsRead(denied)
    if not denied:
        rows = _read_rows(connection, _without_checks(fold, [trial for trial, _ in refused]), quick, clock)
    findings += rows.findings
    steps = _steps(fold, findings)
    facts = read_facts(connection, fold, rows.sources, rows.proofs, counted=not quick and not denied)
    return Plan(
        spec=known.spec,
        fold=fold,
        findings=_ordered(_telling(known, findings)),
        hash=plan_hash(known.spec, known.schema, known.functions, steps),
        seconds=0.0,
        quick=quick,
        added_types=known.types,
        functions=known.functions,
        tables=facts.tables,
        proofs=rows.proofs,
        children=facts.children,
        locks=facts.locks,
        lossy=facts.lossy,
        disk=facts.disk,
        steps=steps,
    )


def _without_checks(fold: Fold, refused: Sequence[Trial]) -> Fold:
    """The fold without the checks of added columns that the server cannot read."""
    names = {trial.column for trial in refused if trial.what == "check"}
    return replace(fold, added=tuple(replace(a, check=None) if a.name in names else a for a in fold.added))


def _steps(fold: Fold, findings: Sequence[Finding]) -> Steps:
    """None of what cannot be built is shown as if it could."""
    return () if any(f.severity is Severity.ERROR for f in findings) else fold_statements(fold)


def _read_rows(connection: Connection, fold: Fold, quick: bool, clock: Clock) -> RowsRead:
    """The proof and the rules; a quick plan asks only whether tables are empty that must be."""
    usable = [readable(connection, fold, source) for source in fold.lens.sources]
    findings = [finding for one in usable for finding in one.findings]
    if quick:
        return RowsRead((*findings, *run_checks(connection, empty_checks(fold))))
    proven = [prove(connection, fold, one.source, clock) for one in usable]
    findings += [finding for one in proven for finding in one.findings]
    findings += _check_rules(connection, fold, proven)
    proofs = tuple(one.proof for one in proven if one.proof is not None)
    return RowsRead(tuple(findings), proofs, tuple(one.source for one in proven))


def _check_rules(connection: Connection, fold: Fold, proven: Sequence[Proven]) -> Iterator[Finding]:
    computable = replace(fold, lens=replace(fold.lens, sources=tuple(one.source for one in proven)))
    rows = {one.source.number: mapped_rows(one.source) for one in proven if one.proof is not None}
    target = live_rows(fold.lens, {added.name for added in fold.added})
    yield from run_checks(connection, source_checks(computable))
    yield from run_checks(connection, rule_checks(computable, rows, target))


def _telling(known: Known, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Each once, and without what only follows from another one: the key of a view, a value found wrong twice."""
    system = system_tables(known.spec)
    if system:
        return tuple(dict.fromkeys(f for f in findings if f.rule in ("shape", "missing_table") and f.object in system))
    refused = {str(name) for name in refused_shapes(known.spec, known.schema)}
    unmapped = {finding.object for finding in findings if finding.rule == "value_map"}
    first = tuple(authored_findings(known.authored))
    unread = {(f.object, f.rule) for f in first}
    misspelt = {finding.spec_line for finding in findings if finding.rule == "unknown_column"}

    def follows(finding: Finding) -> bool:
        match finding.rule:
            case "key":
                return finding.object in refused
            case "read_back":
                return finding.object in unmapped
            case "expression":
                again = (finding.object, finding.rule) in unread and finding not in first
                return again or finding.spec_line in misspelt
            case _:
                return False

    return tuple(finding for finding in dict.fromkeys(findings) if not follows(finding))


def _ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Errors, warnings, notes; each in the order of the spec, those of no line last."""
    weight = {severity: place for place, severity in enumerate(Severity)}
    return tuple(sorted(findings, key=lambda f: (weight[f.severity], f.spec_line is None, f.spec_line or 0)))
