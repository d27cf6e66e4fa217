"""The reconciliation: what would go home, and each row that stands in the way of it (DESIGN.md, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipelines.core.errors import Refused
from pipelines.core.findings import Finding, errors
from pipelines.core.schema import TableName
from pipelines.core.wording import counted, listed

LISTED = 1_000  # rows that a verdict names, of each reason; the counts are always of all


@dataclass(frozen=True, slots=True)
class RollbackOptions:
    """What a person asked for: keep what cannot go home for the next fold, take many deletes as meant, drop edits."""

    set_aside: bool = False
    accept_deletes: bool = False
    to_backup: bool = False


KEEP_EDITS = RollbackOptions()


class Blocking(StrEnum):
    """Why a row stands in the way."""

    NO_COUNTERPART = "no_counterpart"  # an edited value with no preimage
    SOURCE_RULE = "source_rule"  # the row as it would go home breaks a rule of its source
    TARGET_RULE = "target_rule"  # a row that stays breaks a rule of the target that comes back
    CHILD = "child"  # it references a row that goes home
    STAYS = "stays"  # it references a row that stays, and its key is to reference the source again
    DELETED = "deleted"  # more rows are gone than somebody may have meant


@dataclass(frozen=True, slots=True)
class Blocked:
    """A row that stands in the way; `key` is in output form, and empty where it is about a table as a whole."""

    table: TableName
    key: tuple[str, ...]
    reason: str
    remedy: str
    kind: Blocking


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Rows that stand in the way for one reason: the first of them, and how many there are."""

    rows: int
    listed: tuple[Blocked, ...]


@dataclass(frozen=True, slots=True)
class EditedColumn:
    """How many rows of a source take an edited value of a column home."""

    table: TableName
    column: str
    rows: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a fold can be undone now, and what that would do; every count is of rows.

    `aside` is what --set-aside would keep for the next fold. `lock_estimate_s` is how long others would wait.
    """

    obstacles: tuple[Obstacles, ...] = ()
    aside: tuple[Obstacles, ...] = ()
    unchanged: int = 0
    edited_rows: int = 0
    edited: tuple[EditedColumn, ...] = ()
    deleted: int = 0
    born: int = 0
    findings: tuple[Finding, ...] = ()
    lock_estimate_s: float = 0.0

    @property
    def can_be_undone(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.obstacles and not errors(self.findings)

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """The rows in the way, at most a thousand for each reason."""
        return tuple(blocked for found in self.obstacles for blocked in found.listed)

    @property
    def blocked_rows(self) -> int:
        """How many rows are in the way."""
        return sum(found.rows for found in self.obstacles)

    @property
    def rows_aside(self) -> int:
        """How many rows or values are set aside."""
        return sum(found.rows for found in self.aside)


def too_many_deleted(deleted: int, rows: int) -> bool:
    """More than ten rows that are more than one per cent: somebody may have emptied the target by mistake."""
    return deleted > 10 and deleted * 100 > rows


class RollbackBlocked(Refused):
    """Rows or findings stand in the way of a rollback; nothing was touched. `verdict` has all of them."""

    def __init__(self, fold: str, verdict: Verdict) -> None:
        wrong = errors(verdict.findings)
        parts = [counted(verdict.blocked_rows, "row")] if verdict.blocked_rows else []
        parts += [counted(len(wrong), "finding")] if wrong else []
        stand = "stands" if verdict.blocked_rows + len(wrong) == 1 else "stand"
        super().__init__(f"{fold} cannot be undone now: {listed(parts)} {stand} in the way; nothing was touched", wrong)
        self.fold, self.verdict = fold, verdict
