"""What one row alone must keep: NOT NULL, CHECK, and what fits in its column."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psycopg import sql

from pipelines.core.expression import trusted
from pipelines.core.findings import Severity
from pipelines.core.fold import Fold
from pipelines.core.lens import Constant, Making, Rule, SourceLens
from pipelines.core.relations import Relation
from pipelines.core.rule_check import RuleCheck, Sentence, violations_query
from pipelines.core.schema import Column, Constraint, ConstraintKind
from pipelines.core.spec import AddColumn

_HAVE = ("has", "have")
_BREAK = ("breaks", "break")


def row_rules(fold: Fold, source: SourceLens, rows: Relation) -> Iterator[RuleCheck]:
    """NOT NULL and CHECK, those of added columns too, for the mapped rows of one source."""
    target = fold.lens.target
    unfilled = _unfilled(source)
    for column in target.columns:
        if column.not_null and column.name in rows.known and column.name not in unfilled:
            yield _not_null(fold, source, rows, column)
    for constraint in target.constraints:
        if constraint.kind is ConstraintKind.CHECK and _applies(constraint, rows):
            yield _check(fold, source, rows, constraint)
    for added in fold.added:
        if added.check is not None and added.name in rows.known and _reads_known(fold, added.check, rows):
            yield _added_check(fold, rows, added, str(source.name), line_of(source, added.name))


def _unfilled(source: SourceLens) -> frozenset[str]:
    """Columns that nothing fills: the lens has said so of those that are NOT NULL."""
    filled = (Making.VALUE, Making.DOCUMENT, Making.NEW_KEY)
    return frozenset(p.column.name for p in source.placements if p.making not in filled and p.column.default is None)


def added_column_rules(fold: Fold, target: Relation) -> Iterator[RuleCheck]:
    """What the target's own rows must keep once they have the added columns."""
    for added in fold.added:
        if added.not_null and added.name in target.known:
            yield _added_not_null(fold, target, added)
        if added.check is not None and added.name in target.known and _reads_known(fold, added.check, target):
            yield _added_check(fold, target, added, str(fold.lens.target.name), added.line)


def line_of(source: SourceLens, column: str) -> int | None:
    """The line of the rule or constant that writes a target column, else the source's."""
    writers: tuple[Rule | Constant, ...] = (*source.rules, *source.constants)
    lines = [w.line for w in writers if w.place is not None and w.place.column == column and w.line is not None]
    return lines[0] if lines else source.spec.line


def as_target(fold: Fold, rows: Relation) -> sql.Composed:
    """The rows under the target's own name, which the server's texts of its rules may use."""
    return sql.SQL("{} AS {}").format(rows.query, sql.Identifier(fold.lens.target.name.name))


def _not_null(fold: Fold, source: SourceLens, rows: Relation, column: Column) -> RuleCheck:
    target = fold.lens.target.name
    from_column = next((r.column.name for r in source.rules if r.place and r.place.column == column.name), None)
    what = f"no {from_column}" if from_column else f"nothing for {column.name}"
    return RuleCheck(
        Severity.ERROR,
        "not_null",
        f"{target}.{column.name}",
        Sentence("row", f"of {source.name}", _HAVE, f"{what}, and {column.name} of {target} is NOT NULL"),
        f"give those rows a value first, map NULL with values: {{null: ...}}, or drop_not_null: [{column.name}]",
        violations_query([], sql.SQL("FROM {} WHERE {} IS NULL").format(as_target(fold, rows), column.identifier)),
        spec_line=line_of(source, column.name),
    )


def _applies(constraint: Constraint, rows: Relation) -> bool:
    return constraint.enforced and constraint.expression is not None and rows.known.issuperset(constraint.columns)


def _check(fold: Fold, source: SourceLens, rows: Relation, constraint: Constraint) -> RuleCheck:
    target = fold.lens.target.name
    line = line_of(source, constraint.columns[0]) if constraint.columns else source.spec.line
    return RuleCheck(
        Severity.ERROR,
        "check",
        f"{target}.{constraint.name}",
        Sentence("row", f"of {source.name}", _BREAK, f"the CHECK {constraint.name} of {target}"),
        f"map those values to others, or change {constraint.definition} first",
        violations_query(
            [sql.Identifier(name) for name in constraint.columns], _failing(fold, rows, constraint.expression or "")
        ),
        constraint.columns,
        line,
    )


def _added_check(fold: Fold, rows: Relation, added: AddColumn, whose: str, line: int | None) -> RuleCheck:
    target = fold.lens.target.name
    return RuleCheck(
        Severity.ERROR,
        "check",
        f"{target}.{added.name}",
        Sentence("row", f"of {whose}", _BREAK, f"the check of the new column {added.name}"),
        f"map to values that keep {added.check}, or change it",
        violations_query([sql.Identifier(added.name)], _failing(fold, rows, added.check or "")),
        (added.name,),
        line,
    )


def _failing(fold: Fold, rows: Relation, expression: str) -> sql.Composed:
    # A CHECK holds for NULL (manual 5.5.1).
    return sql.SQL("FROM {} WHERE NOT ({})").format(as_target(fold, rows), trusted(expression))


def _added_not_null(fold: Fold, target: Relation, added: AddColumn) -> RuleCheck:
    name = fold.lens.target.name
    return RuleCheck(
        Severity.ERROR,
        "not_null",
        f"{name}.{added.name}",
        Sentence("row", f"of {name}", ("would have", "would have"), f"no {added.name}, which is to be NOT NULL"),
        "give it a default, or not_null: false",
        violations_query(
            [], sql.SQL("FROM {} WHERE {} IS NULL").format(as_target(fold, target), sql.Identifier(added.name))
        ),
        spec_line=added.line,
    )


def _reads_known(fold: Fold, text: str, rows: Relation) -> bool:
    """Whether an author's text names no column of the target whose values are not known."""
    unknown = [column.name for column in fold.lens.target.columns if column.name not in rows.known]
    return not any(re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", text, re.IGNORECASE) for name in unknown)
