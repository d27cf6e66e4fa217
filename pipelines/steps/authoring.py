"""Asks the server which functions an author's expressions call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipelines.core.authored import ALIAS, Authored, AuthoredFacts
from pipelines.core.errors import Refused, SpecError
from pipelines.core.schema import Column
from pipelines.database.connection import Connection
from pipelines.database.introspection import expression_volatility


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
            yield AuthoredFacts(written, refusal=str(refusal))
