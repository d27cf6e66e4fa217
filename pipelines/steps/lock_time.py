"""How long a rollback keeps others waiting, by what it does under its locks."""

from __future__ import annotations

from pipelines.core.fold import ChildChange, Fold

_CATALOG_S = 0.02  # names, keys, columns and the commit
_LOOK_S = 1.5e-6  # a row: compared, and looked at for what stands in the way
_LEAVE_S = 1.0e-6  # a row: deleted from the target
_WRITE_S = 10e-6  # a row that differs
_CHILD_S = {ChildChange.NONE: 0.3e-6, ChildChange.VALUES: 8e-6, ChildChange.TYPE: 6e-6}


def estimate_lock_s(fold: Fold, mapped: int, differing: int) -> float:
    """In seconds, from rows and the children's sizes as last analyzed."""
    children = sum(fold.schema[r.child].estimated_rows * _CHILD_S[r.change] for r in fold.repoints)
    return _CATALOG_S + mapped * (_LOOK_S + _LEAVE_S) + differing * _WRITE_S + children
