"""Literals about a key whose values change: they would speak of other rows, or of none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.core.child_keys import line_of, names_of
from pipelines.core.findings import Finding, error, warning
from pipelines.core.fold import ChildChange, ChildColumn, Fold, Repoint
from pipelines.core.schema import ConstraintKind, Table, Trigger
from pipelines.core.spec import Accept

_LITERAL = re.compile(r"'(?:[^']|'')*'|(?<![\w.$\"])\d+(?![\w\"])")
_ARGUMENTS = re.compile(r"EXECUTE (?:FUNCTION|PROCEDURE) .*\((?P<arguments>.*)\)\s*$", re.DOTALL)
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def literal_findings(fold: Fold) -> Iterator[Finding]:
    """In CHECKs, trigger conditions and arguments, index predicates and expressions of children."""
    for repoint in fold.repoints:
        if repoint.change is ChildChange.NONE:
            continue
        child = fold.schema[repoint.child]
        for column in repoint.columns:
            if column.forward is not None:
                for what, text in _places(child, column):
                    yield _literal(fold, repoint, column, f"{what} of {child.name}", text)


def _places(child: Table, column: ChildColumn) -> Iterator[tuple[str, str]]:
    yield from _arguments_of_triggers(child, column)
    if column.column.type.sql == column.type.sql:  # else all that reads the column is refused
        yield from _checks(child, column)
        yield from _conditions_of_triggers(child, column)
        yield from _indexes(child, column)


def _literal(fold: Fold, repoint: Repoint, column: ChildColumn, what: str, text: str) -> Finding:
    where = f"{repoint.child}.{column.column.name}"
    message = f"the values of {where} change, and {what} may hold some: {text}"
    if Accept.LITERAL_KEYS in fold.spec.accept:
        return warning("literal_keys", where, message, "accepted by the spec")
    remedy = "change it first; where it holds none, accept: [literal_keys]"
    return error(
        "literal_keys", where, message, remedy, line_of(fold, repoint.child, names_of(repoint), repoint.source)
    )


def _checks(child: Table, column: ChildColumn) -> Iterator[tuple[str, str]]:
    for constraint in child.constraints:
        reads = constraint.kind is ConstraintKind.CHECK and column.column.name in constraint.columns
        if reads and _LITERAL.search(constraint.expression or ""):
            yield f"CHECK {constraint.name}", constraint.definition


def _indexes(child: Table, column: ChildColumn) -> Iterator[tuple[str, str]]:
    for index in child.indexes:
        texts = (*(key for key, name in zip(index.keys, index.columns, strict=True) if name is None), index.predicate)
        if column.column.name in index.expression_columns and any(_LITERAL.search(text or "") for text in texts):
            yield f"index {index.name}", index.definition


def _arguments_of_triggers(child: Table, column: ChildColumn) -> Iterator[tuple[str, str]]:
    for trigger in child.triggers:
        if any(_may_be_key(text, column) for text in _arguments(trigger)):
            yield f"an argument of trigger {trigger.name}", trigger.definition


def _conditions_of_triggers(child: Table, column: ChildColumn) -> Iterator[tuple[str, str]]:
    for trigger in child.triggers:
        if column.column.name in trigger.columns and _LITERAL.search(_condition(trigger)):
            yield f"the condition of trigger {trigger.name}", trigger.definition


def _condition(trigger: Trigger) -> str:
    _, when, rest = trigger.definition.partition(" WHEN (")
    return rest.rpartition(" EXECUTE ")[0] if when else ""


def _arguments(trigger: Trigger) -> list[str]:
    found = _ARGUMENTS.search(trigger.definition)
    return _QUOTED.findall(found["arguments"]) if found else []


def _may_be_key(text: str, column: ChildColumn) -> bool:
    """Whether a trigger's argument has the form of the key's values."""
    of = column.column.type
    if of.category == "N":
        return text.strip().lstrip("-").isdigit()
    return of.bare == "uuid" and _UUID.fullmatch(text.strip()) is not None
