"""Last looks: what is asked under the lock, since nobody else can break it any more and no index kept it for us.

Foreign keys and deferrable constraints are looked at by triggers, which do not fire for a session in the replica role.
Most folds have nothing of the kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.errors import RuleViolated
from pipelines.core.fold import Fold
from pipelines.core.skipping import held_references
from pipelines.core.source_rules import may_lose_values, orphans
from pipelines.core.statement import Statement
from pipelines.steps.rows import conflicts, parents, planning, target_rows
from pipelines.steps.session import Session

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Look:
    """A query that finds rows where there must be none, each as one text array; and what is then said."""

    query: Statement
    broken: str
    remedy: str


def refuse(fold: Fold, session: Session) -> None:
    """Look at all of it at once.

    Raises:
        RuleViolated: something is found; nothing has changed.
    """
    looks = tuple(looks_of(fold))
    if not looks:
        return
    cursors = session.together((*planning.freely(), *(look.query for look in looks)))
    for look, cursor in zip(looks, cursors[-len(looks) :], strict=True):
        found = [", ".join(str(value) for value in row[0]) for row in cursor.fetchall()]
        if found:
            values = f": {'; '.join(found[:SHOWN])}" if any(found) else ""
            raise RuleViolated(f"{look.broken}{values}; nothing was changed: {look.remedy}")


def looks_of(fold: Fold) -> Iterator[Look]:
    """What this fold must look at."""
    yield from _own_parents(fold)
    yield from _shared_values(fold)
    yield from _children_left_behind(fold)
    yield from _children_without_row(fold)
    yield from _expected_empty(fold)


def _own_parents(fold: Fold) -> Iterator[Look]:
    for source in fold.lens.sources:
        for key in parents.keys_of(fold, source):
            if key.references == fold.lens.target.name:
                yield Look(
                    parents.orphans(fold, source, key),
                    f"rows of {source.name} reference rows of {key.references} that are not there",
                    f"correct the references, which foreign key {key.name} does not allow",
                )


def _shared_values(fold: Fold) -> Iterator[Look]:
    for rule in target_rows.deferrable_keys(fold):
        yield Look(
            target_rows.twice(fold, rule),
            f"several rows of {fold.lens.target.name} have the same {rule.words} ({rule.name})",
            "change all but one of them, or on_conflict: skip",
        )


def _children_left_behind(fold: Fold) -> Iterator[Look]:
    for source in conflicts.skipping(fold):
        for held in held_references(fold, source):
            yield Look(
                conflicts.skipped_with_children(fold, source, held),
                f"rows of {source.name} stay behind although {held.child} references them",
                "let it reference the rows that have the same values, or change the values first",
            )


def _children_without_row(fold: Fold) -> Iterator[Look]:
    """Written since the rules were checked: the value would become NULL."""
    for repoint in filter(may_lose_values, fold.repoints):
        columns = ", ".join(c.column.name for c in repoint.columns)
        yield Look(
            Statement(f"look for values of {repoint.child} without a row", orphans(fold, repoint).query),
            f"values of {columns} of {repoint.child} have no row in {repoint.source}",
            "delete those rows, or correct them first",
        )


def _expected_empty(fold: Fold) -> Iterator[Look]:
    for table in fold.lens.empty:
        query = sql.SQL("SELECT ARRAY[]::pg_catalog.text[] FROM {} LIMIT 1").format(table.name.identifier)
        yield Look(
            Statement(f"see that {table.name} is empty", query),
            f"{table.name} has rows, and the spec says expect_empty",
            "map its columns, or empty it",
        )
