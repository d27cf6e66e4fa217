"""The target's own rules, as queries over mapped rows: the same before anything changes and on staged rows."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.core.fold import Fold
from pipelines.core.relations import Relation
from pipelines.core.row_rules import added_column_rules, row_rules
from pipelines.core.rule_check import RuleCheck
from pipelines.core.target_keys import foreign_key_rules
from pipelines.core.unique_rules import unique_rules


def rule_checks(fold: Fold, rows: Mapping[int, Relation], target: Relation) -> tuple[RuleCheck, ...]:
    """Every rule of the target for the rows that come.

    `rows` are the mapped rows of each source, by its number, without those that stay behind; `target` are the target's
    own rows as they will be. A rule that reads a column whose values are not known yet is left out.
    """
    return (
        *(
            check
            for number, relation in rows.items()
            for check in row_rules(fold, fold.lens.numbered(number), relation)
        ),
        *added_column_rules(fold, target),
        *unique_rules(fold, rows, target),
        *foreign_key_rules(fold, rows, target),
    )
