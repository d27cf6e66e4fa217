"""How each column of the target is made from a source row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import LiteralString

from psycopg import sql

from pipelines.core.expression import Expression, cast, compose, constant, trusted
from pipelines.core.findings import Finding, error
from pipelines.core.lens import Constant, Making, Placement, Rule, SourceLens
from pipelines.core.lens_rules import bare
from pipelines.core.schema import Column, Table
from pipelines.core.spec import KeyMode

_MOST_PAIRS = 50  # a function takes at most 100 arguments (manual, appendix K)


def place_all(source: SourceLens, target: Table, key: tuple[Column, ...]) -> tuple[SourceLens, tuple[Finding, ...]]:
    """The source with a placement for every target column that can be written, in the target's order."""
    placements: list[Placement] = []
    findings: list[Finding] = []
    key_names = {column.name for column in key}
    for column in target.columns:
        if column.generated:
            continue
        placement = _place(source, column, key_names, target)
        placements.append(placement)
        findings += _placement_findings(source, target, placement, key_names)
    return _with_placements(source, tuple(placements)), (*findings, *_key_findings(source, target, key))


def _with_placements(source: SourceLens, placements: tuple[Placement, ...]) -> SourceLens:
    return SourceLens(source.number, source.table, source.spec, source.key, source.rules, source.constants, placements)


def _place(source: SourceLens, column: Column, key_names: set[str], target: Table) -> Placement:
    both: tuple[Rule | Constant, ...] = (*source.rules, *source.constants)
    writers = [item for item in both if item.place and item.place.column == column.name]
    late = any(isinstance(item, Rule) and item.reads_row_map for item in writers)
    if not writers:
        new = source.spec.key is KeyMode.NEW and column.name in key_names
        return (
            Placement(column, Making.NEW_KEY) if new else Placement(column, Making.DEFAULT, default_of(column, target))
        )
    if any(item.place and item.place.path for item in writers):
        return _document(column, writers, late)
    return Placement(column, Making.VALUE, _written(writers[0]), reads_row_map=late)


def _document(column: Column, writers: list[Rule | Constant], late: bool) -> Placement:
    paths = tuple((item.place.path, _written(item)) for item in writers if item.place)
    built = object_of(paths)
    value = built if column.type.bare == "jsonb" else cast(built, bare(column.type))
    return Placement(column, Making.DOCUMENT, value, paths, late)


def _written(item: Rule | Constant) -> Expression:
    assert item.forward is not None
    return item.forward


def object_of(paths: tuple[tuple[tuple[str, ...], Expression], ...]) -> Expression:
    """A jsonb object with each value at its path; a NULL value is written as JSON null, so that its key is there."""
    heads = tuple(dict.fromkeys(path[0] for path, _ in paths))
    parts: list[Expression] = []
    for head in heads:
        inner = tuple((path[1:], value) for path, value in paths if path[0] == head)
        whole = [value for path, value in inner if not path]
        parts.append(compose("{k}, {v}", k=sql.Literal(head), v=whole[0] if whole else object_of(inner)))
    objects = [
        compose("pg_catalog.jsonb_build_object({pairs})", pairs=_joined(parts[start : start + _MOST_PAIRS], ", "))
        for start in range(0, len(parts), _MOST_PAIRS)
    ]
    return objects[0] if len(objects) == 1 else compose("({all})", all=_joined(objects, " || "))


def _joined(parts: Sequence[Expression], separator: LiteralString) -> Expression:
    joined = [*parts[0].parts]
    for part in parts[1:]:
        joined += [sql.SQL(separator), *part.parts]
    return Expression(tuple(joined))


def default_of(column: Column, target: Table) -> Expression:
    """The target's own default, an identity column's next value, or NULL."""
    if column.identity:
        return _next_value(column, target)
    if column.default is None:
        return cast(constant(None), bare(column.type))
    return cast(Expression((trusted("("), trusted(column.default), trusted(")"))), bare(column.type))


def _next_value(column: Column, target: Table) -> Expression:
    sequence = next(s.name for s in target.sequences if s.column == column.name)
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (sequence.schema, sequence.name))
    next_value = compose("pg_catalog.nextval({s}::pg_catalog.regclass)", s=sql.Literal(quoted))
    return cast(next_value, bare(column.type))


def _placement_findings(
    source: SourceLens, target: Table, placement: Placement, key_names: set[str]
) -> Iterator[Finding]:
    column = placement.column
    where = f"{target.name}.{column.name}"
    filled = column.default is not None or column.identity or not column.not_null
    if placement.making is Making.DEFAULT and column.name not in key_names and not filled:
        message = f"column {column.name!r} of {target.name} is NOT NULL without a default, "
        message += f"and nothing from {source.name} goes there"
        remedy = f"map a column to it, set: {{{column.name}: ...}}, or drop_not_null: [{column.name}]"
        yield error("not_null", where, message, remedy, source.spec.line)
    if placement.making is Making.NEW_KEY and column.default is None and not column.identity:
        message = f"key: new needs a default on {where}, and it has none"
        yield error("new_key", where, message, "give the target's key a default, or use key: keep", source.spec.line)


def _key_findings(source: SourceLens, target: Table, key: tuple[Column, ...]) -> Iterator[Finding]:
    making = {p.column.name: p.making for p in source.placements} or {
        c.name: _place(source, c, {k.name for k in key}, target).making for c in key
    }
    names = ", ".join(column.name for column in key)
    if source.spec.key is KeyMode.NEW:
        if len(key) > 1:
            message = f"key: new needs a target key of one column; that of {target.name} is {names}"
            yield error("new_key", str(target.name), message, "use key: keep", source.spec.line)
        elif making[key[0].name] is not Making.NEW_KEY:
            message = f"{source.name} has key: new, but something is written to {target.name}.{key[0].name}"
            yield error(
                "new_key",
                str(target.name),
                message,
                "leave that rule out, or use key: keep",
                source.spec.line,
            )
        return
    for column in key:
        if making[column.name] is not Making.VALUE:
            message = f"{source.name} keeps its key, but nothing of it goes to {target.name}.{column.name}"
            remedy = f"map its key to {column.name}, or use key: new"
            yield error("keep_key", f"{target.name}.{column.name}", message, remedy, source.spec.line)
