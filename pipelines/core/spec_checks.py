"""What is wrong with a spec as a whole, before any database is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from pipelines.core.findings import Finding, error
from pipelines.core.place import Place
from pipelines.core.spec import (
    AddColumn,
    ColumnRule,
    ForeignKeyRule,
    Otherwise,
    Scalar,
    SourceSpec,
    Spec,
    ValueMap,
)
from pipelines.core.value_map import text_of
from pipelines.core.yaml_text import LinesByPath, nearest_line

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


def check_spec(spec: Spec, lines: LinesByPath) -> tuple[Finding, ...]:
    """Every mistake, in the order of the file; `lines` by path below `attributes`, empty where they are not known."""
    found = [
        *_name(spec),
        *_tables(spec),
        *_added_columns(spec, nearest_line(lines, ("drop_not_null",))),
        *(finding for source in spec.sources for finding in _source(source)),
        *_foreign_keys(spec),
        *_waits(spec, nearest_line(lines, ("lock_wait",))),
    ]
    return tuple(sorted(found, key=lambda finding: finding.spec_line or 0))


def _name(spec: Spec) -> Iterator[Finding]:
    if not _NAME.fullmatch(spec.name):
        message = f'"{spec.name}" is no name for a consolidation'
        yield error("name", spec.name, message, "name its folder with a-z, 0-9 and _, a letter first, at most 31")


def _tables(spec: Spec) -> Iterator[Finding]:
    first: dict[str, SourceSpec] = {}
    for source in spec.sources:
        name = str(source.table)
        if source.table == spec.target:
            message = f"{name} is the target and a source of it"
            yield error("target_is_source", name, message, "name another target, or leave this source out", source.line)
        if name in first:
            message = f"{name} is a source twice{_line(first[name].line)}"
            yield error("source_twice", name, message, "give all its rules in one entry", source.line)
        first.setdefault(name, source)


def _added_columns(spec: Spec, line: int | None) -> Iterator[Finding]:
    added = {column.name: column for column in spec.add_columns}
    for name in _repeated(spec.drop_not_null):
        yield error("twice", f"{spec.target}.{name}", f"drop_not_null names {name} twice", "name it once", line)
    for name in dict.fromkeys(spec.drop_not_null):
        if name in added:
            yield _dropped_and_added(spec, added[name])


def _dropped_and_added(spec: Spec, column: AddColumn) -> Finding:
    message = f"{column.name} is in add_columns and in drop_not_null"
    remedy = "say not_null: false in add_columns, and leave it out of drop_not_null"
    return error("added_and_dropped", f"{spec.target}.{column.name}", message, remedy, column.line)


def _source(source: SourceSpec) -> Iterator[Finding]:
    for name in _repeated(source.key_columns):
        yield error("twice", f"{source.table}.{name}", f"key_columns names {name} twice", "name it once", source.line)
    for rule in source.columns:
        yield from _way_back(source, rule)
    yield from _places(source)


def _places(source: SourceSpec) -> Iterator[Finding]:
    for first, second in combinations(_written(source), 2):
        if first.place.holds(second.place) or second.place.holds(first.place):
            yield _two_rules(source, first, second)
    rest = source.rest.place
    for written in _written(source):
        # Beside it there is room: which names the rest has, and whether one is taken, the catalog knows.
        if rest is not None and written.place.holds(rest):
            yield _two_rules(source, written, _Written("rest", rest, source.rest.line))


def _two_rules(source: SourceSpec, first: _Written, second: _Written) -> Finding:
    same = first.place == second.place
    relation = "both write" if same else "write into one another:"
    where = str(first.place) if same else f"{first.place} and {second.place}"
    message = f"{first.what}{_line(first.line)} and {second.what} {relation} {where}"
    return error("two_rules", f"{source.table}", message, "give each a place of its own", second.line)


@dataclass(frozen=True, slots=True)
class _Written:
    """Who writes where, and in which line it is said."""

    what: str
    place: Place
    line: int | None


def _written(source: SourceSpec) -> Iterator[_Written]:
    for rule in source.columns:
        yield _Written(f"column {rule.column}", rule.place, rule.line)
    for constant in source.set:
        yield _Written(f"set {constant.place}", constant.place, constant.line)


def _way_back(source: SourceSpec, rule: ColumnRule) -> Iterator[Finding]:
    """A rule that several source values may leave with the same target value has no inverse, unless it says so."""
    name = f"{source.table}.{rule.column}"
    if rule.custom is not None and rule.custom.inverse is None and not rule.lossy:
        message = f"{rule.column} has a forward and no way back"
        yield error("no_inverse", name, message, "give inverse:, or mark it lossy: true", rule.line)
    if rule.values is not None:
        yield from _value_map(name, rule, rule.values)


def _value_map(name: str, rule: ColumnRule, values: ValueMap) -> Iterator[Finding]:
    for text, _ in _groups(((key, key) for key, _ in values.pairs), text_of):
        message = f"values of {rule.column} name {_shown(text)} more than once"
        yield error("value_twice", name, message, "keep one of them", rule.line)
    if rule.lossy:
        return
    written = json.dumps if rule.place.path else text_of  # JSON tells 1 and "1" apart
    for text, keys in _groups(((value, key) for key, value in values.pairs), written):
        listed = ", ".join(_shown(key) for key in keys)
        message = f"values of {rule.column} map {listed} to {_shown(text)}, so there is no way back"
        yield error("many_to_one", name, message, "map them one to one, or mark it lossy: true", rule.line)
    if values.otherwise in (Otherwise.NULL, Otherwise.VALUE):
        message = f"otherwise of {rule.column} gives every other value the same, so there is no way back"
        yield error("many_to_one", name, message, "use error or keep, or mark it lossy: true", rule.line)


def _groups(
    pairs: Iterable[tuple[Scalar, Scalar]], written: Callable[[Scalar], str | None]
) -> Iterator[tuple[Scalar, list[Scalar]]]:
    """What several entries share, by how the value is written in the database."""
    found: dict[str | None, list[tuple[Scalar, Scalar]]] = {}
    for shared, key in pairs:
        found.setdefault(written(shared), []).append((shared, key))
    for group in found.values():
        if len(group) > 1:
            yield group[0][0], [key for _, key in group]


def _foreign_keys(spec: Spec) -> Iterator[Finding]:
    for rule in spec.foreign_keys:
        name = f"{rule.table} ({', '.join(rule.columns)})"
        if rule.references is not None and rule.references not in spec.source_names:
            message = f"{name} references {rule.references}, which is not a source here"
            yield error("references", name, message, "name the source whose key it holds", rule.line)
        if rule.references is None and rule.on_delete is None and rule.on_update is None:
            message = f"the rule for {name} says nothing"
            yield error("no_rule", name, message, "give on_delete, on_update or references, or leave it out", rule.line)
        for column in _repeated(rule.columns):
            yield error("twice", name, f"{name} names {column} twice", "name it once", rule.line)
    yield from _same_keys(spec.foreign_keys)


def _same_keys(rules: tuple[ForeignKeyRule, ...]) -> Iterator[Finding]:
    for first, second in combinations(rules, 2):
        if first.table == second.table and first.columns == second.columns:
            name = f"{first.table} ({', '.join(first.columns)})"
            message = f"two rules for the foreign key of {name}{_line(first.line)}"
            yield error("two_rules", name, message, "give all of it in one entry", second.line)


def _waits(spec: Spec, line: int | None) -> Iterator[Finding]:
    if spec.lock_wait_s < spec.lock_timeout_s:
        waits = f"lock_wait ({spec.lock_wait_s:g} s) is shorter than one try"
        message = f"{waits}, lock_timeout ({spec.lock_timeout_s:g} s)"
        yield error("waits", spec.name, message, "make lock_wait several times lock_timeout", line)


def _repeated(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if names.count(name) > 1))


def _line(line: int | None) -> str:
    return f" (line {line})" if line else ""


def _shown(value: Scalar) -> str:
    return f"'{value}'" if isinstance(value, str) else (text_of(value) or "null")
