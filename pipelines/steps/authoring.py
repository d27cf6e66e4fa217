"""Asks the server which functions an author's expressions call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import psycopg

from pipelines.core.authored import ALIAS, Authored, AuthoredFacts
from pipelines.core.errors import Refused, SpecError
from pipelines.core.schema import Column
from pipelines.database.connection import Connection
from pipelines.database.introspection import expression_volatility
from pipelines.steps.session import reason_of


def read_functions(
    connection: Connection, expressions: Iterable[Authored], added: tuple[Column, ...]
) -> Iterator[AuthoredFacts]:
    """The facts of each; `added` are the columns that the target will have. Not within a read-only transaction."""
    for written in expressions:
        try:
            functions = expression_volatility(
                connection,
                written.table,
                written.expression.on(ALIAS),
                alias=ALIAS,
                added=added if written.over_target else (),
            )
            yield AuthoredFacts(written, functions)
        except (SpecError, Refused) as refusal:
            yield AuthoredFacts(written, refusal=_reason(written, refusal))


def _reason(written: Authored, refusal: SpecError | Refused) -> str:
    """What the server says; else the message without the expression, which stands in the spec."""
    if isinstance(refusal, SpecError) and isinstance(refusal.__cause__, psycopg.Error):
        return f"is refused by the server: {reason_of(refusal.__cause__)}"
    text = written.expression.on(ALIAS).as_string(None)
    return str(refusal).replace(f"expression {text!r} over {written.table} ", "").replace(repr(text), "it")
