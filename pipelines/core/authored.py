"""The expressions that an author wrote: which they are, and what their functions are allowed to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.core.expression import Expression, authored, trusted
from pipelines.core.findings import Finding, error, note
from pipelines.core.schema import Column, FunctionFacts, Schema, Table, TableName
from pipelines.core.spec import Spec

ALIAS = "r"


@dataclass(frozen=True, slots=True)
class Authored:
    """An expression over a row of `table`, known as ALIAS; `object` and `what` are for messages."""

    table: TableName
    expression: Expression
    object: str
    what: str
    line: int | None
    over_target: bool = False
    default_of: str | None = None  # the added column whose default it is


@dataclass(frozen=True, slots=True)
class AuthoredFacts:
    """The functions that it calls, or the server's reason for not reading it."""

    authored: Authored
    functions: tuple[FunctionFacts, ...] = ()
    refusal: str | None = None


def has_expressions(spec: Spec) -> bool:
    """Whether the author wrote any."""
    rules = any(rule.custom is not None for source in spec.sources for rule in source.columns)
    constants = any(constant.expression is not None for source in spec.sources for constant in source.set)
    return rules or constants or any(added.default is not None for added in spec.add_columns)


def authored_expressions(spec: Spec, schema: Schema, target: Table) -> Iterator[Authored]:
    """Those whose columns are all there; the lens says what is wrong with the others. `target` as it will be."""
    for source in spec.sources:
        table = schema.table(source.table)
        for rule in source.columns:
            if rule.custom is None or table is None:
                continue
            where = f"{source.table}.{rule.column}"
            yield from _known(table, authored(rule.custom.forward), where, "forward", rule.line)
            if rule.custom.inverse is not None:
                yield from _known(target, authored(rule.custom.inverse), where, "inverse", rule.line, over_target=True)
        for constant in source.set:
            if constant.expression is not None and table is not None:
                where = f"{spec.target}.{constant.place}"
                yield from _known(table, authored(constant.expression), where, "set", constant.line)
    lacking = {column.name for column in added_to(target, schema)}
    for added in spec.add_columns:
        if added.default is not None and added.name in lacking:
            expression = Expression((trusted(f"({added.default})"),))
            where = f"{spec.target}.{added.name}"
            yield Authored(spec.target, expression, where, "default", added.line, True, added.name)


def _known(
    table: Table, expression: Expression, object: str, what: str, line: int | None, *, over_target: bool = False
) -> Iterator[Authored]:
    if all(table.column(name) is not None for name in expression.columns):
        yield Authored(table.name, expression, object, what, line, over_target=over_target)


def added_to(target: Table, schema: Schema) -> tuple[Column, ...]:
    """The columns that the target will have and has not yet."""
    there = schema[target.name]
    return tuple(column for column in target.columns if there.column(column.name) is None)


def drawn_columns(facts: Sequence[AuthoredFacts]) -> frozenset[str]:
    """The added columns whose default is volatile, or cannot be read: what a row gets is not known."""
    unknown = (f for f in facts if f.refusal is not None or any(called.volatility == "v" for called in f.functions))
    return frozenset(fact.authored.default_of for fact in unknown if fact.authored.default_of is not None)


def authored_findings(facts: Sequence[AuthoredFacts]) -> Iterator[Finding]:
    """What cannot be read, and functions that give another value each time."""
    for fact in facts:
        a = fact.authored
        if fact.refusal is not None:
            yield error("expression", a.object, f"the {a.what} of {a.object} {fact.refusal}", _CORRECT, a.line)
        volatile = [function.name for function in fact.functions if function.volatility == "v"]
        if a.default_of is not None:
            yield from _drawn(a, volatile)
        elif volatile:
            message = f"the {a.what} of {a.object} calls {', '.join(volatile)}, which gives another value each time"
            yield error("volatile", a.object, message, "use a function that is STABLE or IMMUTABLE", a.line)


def _drawn(default: Authored, volatile: Sequence[str]) -> Iterator[Finding]:
    """A default of another value each time is filled in; a sequence's position would not be given back."""
    if "nextval(regclass)" in volatile:
        message = f"the default of new column {default.object} draws from a sequence, whose place is not given back"
        remedy = "give the target the column yourself before the fold, filled, and leave it out of add_columns"
        yield error("volatile", default.object, message, remedy, default.line)
    elif volatile:
        message = f"the default of new column {default.object} is volatile ({', '.join(volatile)}):"
        message += " the rows that are there get their values in batches, before the cut-over"
        yield note("volatile", default.object, message, "each is written once", default.line)


_CORRECT = "correct it in the spec"
