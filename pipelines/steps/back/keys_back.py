"""Foreign keys on the way back: as they were recorded, under their names, with their comments."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core.expression import trusted
from pipelines.core.fold import Fold
from pipelines.core.schema import Constraint
from pipelines.core.statement import Statement
from pipelines.steps import children


def recorded_keys(fold: Fold) -> tuple[Constraint, ...]:
    """Every foreign key that the cut-over dropped, each once."""
    found = [r.constraint for r in fold.repoints if r.constraint is not None]
    found += [key.constraint for key in fold.outbound]
    found += [change.constraint for change in fold.rule_changes]
    return tuple(dict.fromkeys(found))


def make_keys(fold: Fold) -> Iterator[Statement]:
    """Once every table is back; not validated, so that no row is read under the lock."""
    for key in recorded_keys(fold):
        later = is_validated_later(fold, key)
        yield Statement(
            f"let {key.table} ({', '.join(key.columns)}) reference {key.references} again",
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}{}").format(
                key.table.identifier,
                sql.Identifier(key.name),
                trusted(key.definition),
                trusted(" NOT VALID" if later else ""),
            ),
        )
        if key.comment:
            yield children.comment_key(key, key.table)


def validate_keys(fold: Fold) -> Iterator[Statement]:
    """After the commit, under a lock that lets everybody write; what was not validated before stays so."""
    for key in recorded_keys(fold):
        if is_validated_later(fold, key):
            yield Statement(
                f"validate foreign key {key.name} of {key.table}",
                sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(key.table.identifier, sql.Identifier(key.name)),
            )


def is_validated_later(fold: Fold, key: Constraint) -> bool:
    """Whether it is made without reading its rows, which a definition of its own may say too."""
    return key.validated and key.enforced and children.may_be_not_valid(fold, key.table)
