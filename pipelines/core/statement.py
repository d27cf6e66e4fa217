"""One SQL statement with its purpose: `plan` prints the same list that a run executes."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql


@dataclass(frozen=True, slots=True)
class Statement:
    """`purpose` is a short sentence without a full stop, for the plan and for errors."""

    purpose: str
    query: sql.SQL | sql.Composed

    def text(self) -> str:
        """The SQL as it is sent."""
        return self.query.as_string(None)
