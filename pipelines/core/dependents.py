"""What reads a source from outside the fold, and what of a source does not go along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from pipelines.core.findings import Finding, error, warning
from pipelines.core.schema import Dependent, DependentKind, Schema, Table, TableName
from pipelines.core.spec import Accept, SourceSpec, Spec

_BODIES = (DependentKind.STRING_FUNCTION, DependentKind.TRIGGER_FUNCTION)


def dependent_findings(spec: Spec, schema: Schema) -> Iterator[Finding]:
    """Everything outside the fold that would break, each by name."""
    fold = {spec.target, *spec.source_names}
    for source in spec.sources:
        for dependent in schema.dependents_of([source.table]):
            if dependent.kind is DependentKind.PUBLICATION:
                continue  # said of the table, with those that ship it by its schema
            if dependent.relation in fold and dependent.relation != spec.target:
                continue  # it leaves with the fold
            yield _dependent(spec, source, dependent)


def _dependent(spec: Spec, source: SourceSpec, dependent: Dependent) -> Finding:
    message = f"{_words(dependent)} {source.table}"
    if dependent.kind in _BODIES:
        if Accept.FUNCTION_BODIES in spec.accept:
            return warning("function_body", dependent.name, message, "it fails when called after the cut-over")
        remedy = f"let it use {spec.target} first; where it does not matter, accept: [function_bodies]"
        return error("function_body", dependent.name, message, remedy, source.line)
    remedy = f"let it use {spec.target} first, or drop it; views over the old names are not supported yet"
    return error("dependent", dependent.name, message, remedy, source.line)


def _words(dependent: Dependent) -> str:
    match dependent.kind:
        case DependentKind.STRING_FUNCTION:
            return f"the body of function {dependent.name} names"
        case DependentKind.TRIGGER_FUNCTION:
            return f"the body of trigger function {dependent.name} names"
        case DependentKind.COLUMN:
            return f"column {dependent.name} has the type of, or draws from a sequence of,"
        case (
            DependentKind.VIEW
            | DependentKind.MATERIALIZED_VIEW
            | DependentKind.FUNCTION
            | DependentKind.POLICY
            | DependentKind.RULE
            | DependentKind.PUBLICATION
        ):
            return f"{dependent.kind} {dependent.name} reads"
        case _:
            assert_never(dependent.kind)


def uncarried_findings(spec: Spec, schema: Schema) -> Iterator[Finding]:
    """Triggers and rules of the sources, which the target does not get, and publications."""
    for source in spec.sources:
        table = schema.table(source.table)
        if table is not None:
            yield from _triggers(spec.target, source, table)
            yield from _source_publications(source, table)
    target = schema.table(spec.target)
    for name in target.publications if target is not None else ():
        message = f"publication {name} ships {spec.target}: its subscribers get every folded row as an insert"
        yield warning("publication", str(spec.target), message, "let them know, or drop the table from it for the fold")


def _triggers(target: TableName, source: SourceSpec, table: Table) -> Iterator[Finding]:
    own = [t for t in table.triggers if not t.function.startswith("pgfold.")]
    for trigger in own:
        message = f"trigger {trigger.name} of {table.name} is not carried to {target}"
        yield warning("trigger", f"{table.name}.{trigger.name}", message, "make one there if it is wanted", source.line)
    for rule in table.rules:
        message = f"a rule of {table.name} is not carried to {target}: {rule}"
        yield warning("rule", str(table.name), message, "make one there if it is wanted", source.line)


def _source_publications(source: SourceSpec, table: Table) -> Iterator[Finding]:
    for name in table.publications:
        message = f"publication {name} ships {table.name}: from the cut-over its subscribers get nothing more of it"
        yield warning("publication", str(table.name), message, "let them follow the target", source.line)
