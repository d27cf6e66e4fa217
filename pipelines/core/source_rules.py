"""What the sources' and children's rows must keep before anything changes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from psycopg import sql

from pipelines.core.expression import Expression, cast
from pipelines.core.findings import Severity
from pipelines.core.fold import ChildChange, Fold, Repoint, referenced_columns
from pipelines.core.lens import Making, Rule, SourceLens, Treatment
from pipelines.core.lens_rules import bare
from pipelines.core.references import Reference, references_to_sources
from pipelines.core.relations import joined
from pipelines.core.row_rules import line_of
from pipelines.core.rule_check import RuleCheck, Sentence, violations_query
from pipelines.core.schema import Column
from pipelines.core.skipping import skipped_parents
from pipelines.core.spec import Otherwise
from pipelines.core.target_keys import equal_columns
from pipelines.core.value_map import collides_with_kept, without_counterpart

_HAVE = ("has", "have")
_LIMITED = re.compile(r"(character varying|character|bit varying|bit)\(\d+\)(\[\])*")


def source_checks(fold: Fold) -> tuple[RuleCheck, ...]:
    """Value maps, what is cut by its column, keys without their row, and rows where the spec expects none."""
    return (
        *empty_checks(fold),
        *(check for source in fold.lens.sources for check in _value_maps(fold, source)),
        *(check for source in fold.lens.sources for check in _lengths(fold, source)),
        *(orphans(fold, repoint) for repoint in fold.repoints),
        *_dangling(fold),
        *skipped_parents(fold),
    )


def empty_checks(fold: Fold) -> Iterator[RuleCheck]:
    """Sources that the spec expects to be empty."""
    for spec in fold.spec.sources:
        if spec.expect_empty:
            yield RuleCheck(
                Severity.ERROR,
                "expect_empty",
                str(spec.table),
                Sentence("row", f"of {spec.table}", ("is", "are"), "there, and the spec expects none"),
                "leave expect_empty out and map the columns, or delete those rows first",
                violations_query([], sql.SQL("FROM {}").format(spec.table.identifier)),
                spec_line=spec.line,
            )


def _value_maps(fold: Fold, source: SourceLens) -> Iterator[RuleCheck]:
    for rule in source.rules:
        if rule.values is None or rule.place is None:
            continue
        name = rule.column.name
        if rule.values.otherwise is Otherwise.ERROR:
            yield _values(
                source,
                rule,
                Sentence("value", f"of {name}", _HAVE, "no counterpart"),
                "add them to values, or otherwise: keep",
                without_counterpart(rule.values, name),
            )
        elif rule.values.otherwise is Otherwise.KEEP and not rule.lossy:
            yield _values(
                source,
                rule,
                Sentence("value", f"of {name}", ("is", "are"), "kept, though another value becomes the same"),
                "name them in values, each with a value of its own",
                collides_with_kept(rule.values, name, in_document=bool(rule.place.path)),
            )


def _values(source: SourceLens, rule: Rule, sentence: Sentence, remedy: str, test: Expression) -> RuleCheck:
    column = sql.Identifier("s", rule.column.name)
    return RuleCheck(
        Severity.ERROR,
        "value_map",
        f"{source.name}.{rule.column.name}",
        sentence,
        remedy,
        violations_query([column], sql.SQL("FROM {} s WHERE {}").format(source.name.identifier, test.on("s"))),
        spec_line=rule.line,
    )


def _lengths(fold: Fold, source: SourceLens) -> Iterator[RuleCheck]:
    """Only where the proof does not look: what is proven and cut does not read back."""
    proven = {rule.place.column for rule in source.proven if rule.place is not None}
    for placement in source.placements:
        column = placement.column
        if _LIMITED.fullmatch(column.type.sql) is None or column.name in proven or placement.reads_row_map:
            continue
        if placement.making is Making.VALUE and placement.value is not None:
            yield _length(fold, source, column, placement.value)


def _length(fold: Fold, source: SourceLens, column: Column, value: Expression) -> RuleCheck:
    of = column.type
    full, whole = cast(value, of.sql).on("s"), cast(value, bare(of)).on("s")
    # Blanks at the end are cut by an assignment too (manual 8.3).
    test = sql.SQL("pg_catalog.rtrim(({})::pg_catalog.text) <> pg_catalog.rtrim(({})::pg_catalog.text)")
    return RuleCheck(
        Severity.ERROR,
        "length",
        f"{fold.lens.target.name}.{column.name}",
        Sentence("value", f"of {source.name}", ("does", "do"), f"not fit in {column.name} {of.sql}"),
        "widen the column, or map them to shorter values",
        violations_query(
            [whole], sql.SQL("FROM {} s WHERE {}").format(source.name.identifier, test.format(whole, full))
        ),
        spec_line=line_of(source, column.name),
    )


def may_lose_values(repoint: Repoint) -> bool:
    """Whether a value without a row would be gone: nobody is kept from writing one, and values follow their rows."""
    held = repoint.constraint is not None and repoint.constraint.validated
    return repoint.change is not ChildChange.NONE and not held


def orphans(fold: Fold, repoint: Repoint) -> RuleCheck:
    """The values of a child's key that no row of the source has."""
    columns = [c.column.name for c in repoint.columns]
    reference = Reference(repoint.child, tuple(columns), repoint.source, referenced_columns(fold.lens, repoint))
    stays = repoint.change is ChildChange.NONE and not _is_held(repoint)
    severity = Severity.WARNING if stays else Severity.ERROR
    return _orphan_check(fold, reference, severity, _rule_line(fold, repoint))


def _orphan_check(fold: Fold, reference: Reference, severity: Severity, line: int | None) -> RuleCheck:
    listed = ", ".join(reference.columns)
    return RuleCheck(
        severity,
        "orphan",
        f"{reference.table}.{listed}",
        Sentence("value", f"of {listed} of {reference.table}", _HAVE, f"no row in {reference.to}"),
        "delete those rows, or correct them first",
        violations_query([sql.Identifier("c", name) for name in reference.columns], _without_row(fold, reference)),
        reference.columns,
        line,
    )


def _is_held(repoint: Repoint) -> bool:
    """Whether a validated foreign key is made, which no orphan may break."""
    return repoint.constrained and (repoint.constraint is None or repoint.constraint.validated)


def _rule_line(fold: Fold, repoint: Repoint) -> int | None:
    names = {c.column.name for c in repoint.columns}
    rules = (r for r in fold.spec.foreign_keys if r.table == repoint.child and set(r.columns) == names)
    return next((rule.line for rule in rules), None) or fold.lens.source(repoint.source).spec.line


def _dangling(fold: Fold) -> Iterator[RuleCheck]:
    """Keys within the fold that are followed through the row map, where there is no row to follow to."""
    by_name = {source.name: source for source in fold.lens.sources}
    for reference in references_to_sources(fold.spec, fold.schema):
        source = by_name.get(reference.table)
        if source is None or reference.to not in by_name:
            continue
        followed = [source.rule(name).treatment is Treatment.REFERENCE for name in reference.columns]
        if any(followed):
            yield _orphan_check(fold, reference, Severity.ERROR, source.spec.line)


def _without_row(fold: Fold, reference: Reference) -> sql.Composed:
    present = [sql.SQL("c.{} IS NOT NULL").format(sql.Identifier(name)) for name in reference.columns]
    return sql.SQL("FROM {} c WHERE {} AND NOT EXISTS (SELECT FROM {} s WHERE {})").format(
        reference.table.identifier,
        joined(present, " AND "),
        reference.to.identifier,
        _same(fold, reference),
    )


def _same(fold: Fold, reference: Reference) -> sql.Composed:
    child, parent = fold.schema[reference.table], fold.schema[reference.to]
    pairs = zip(reference.columns, reference.to_columns, strict=True)
    return joined((equal_columns(child[a], "c", parent[b], "s") for a, b in pairs), " AND ")
