"""How long a rollback keeps others waiting, by what it does under its locks."""

from __future__ import annotations

from pipelines.core.fold import ChildChange, Fold

FEW_ROWS = 20_000  # up to here rows are compared under the lock, more of them before it
_CATALOG_S = 0.02  # names, keys, columns and the commit
_LOOK_S = 5e-6  # a row, where they are few: compared under the lock
_LEAVE_S = 4e-6  # a row: deleted from the target, and looked at for what stands in the way
_WRITE_S = 10e-6  # a row that differs
_CHILD_S = {ChildChange.NONE: 0.3e-6, ChildChange.VALUES: 8e-6, ChildChange.TYPE: 6e-6}


def estimate_lock_s(fold: Fold, mapped: int, differing: int) -> float:
    """In seconds, from rows and the children's sizes as last analyzed."""
    children = sum(fold.schema[r.child].estimated_rows * _CHILD_S[r.change] for r in fold.repoints)
    compared = mapped if mapped <= FEW_ROWS else 0
    return _CATALOG_S + compared * _LOOK_S + mapped * _LEAVE_S + differing * _WRITE_S + children
