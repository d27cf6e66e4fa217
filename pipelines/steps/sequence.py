"""The steps of a fold in order, with the SQL of each: the same list that `plan` prints and a run executes."""

from __future__ import annotations

from pipelines.core.fold import Fold
from pipelines.core.statement import Statement
from pipelines.steps import add_columns, cut_over, map_fields, verify
from pipelines.steps.add_columns import AddColumns
from pipelines.steps.cut_over import CutOver
from pipelines.steps.map_fields import MapFields
from pipelines.steps.verify import Verify

STEPS = ("plan", "export", "add_columns", "map_fields", "verify", "cut_over", "drop")


def fold_statements(fold: Fold, *, refold: bool = False) -> tuple[tuple[str, tuple[Statement, ...]], ...]:
    """Step and statements, in order; what `export` and `drop` run depends on what is there then."""
    return (
        ("add_columns", tuple(add_columns.statements(AddColumns(fold)))),
        ("map_fields", tuple(map_fields.statements(MapFields(fold, refold)))),
        ("verify", tuple(verify.statements(Verify(fold, refold)))),
        ("cut_over", (*cut_over.statements(CutOver(fold, refold)), *cut_over.validations(fold))),
    )
