"""What a person is told of each column of a fold: its kind, its mark, its type's short name, a remark."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from pipelines.core.lens import Constant, Lens, Making, Rule, SourceLens, Treatment
from pipelines.core.place import Place
from pipelines.core.schema import Column, ColumnType, JsonEncoding, TableName
from pipelines.core.spec import Otherwise, Scalar, SetRule, ValueMap
from pipelines.core.value_map import text_of
from pipelines.core.wording import NO_BREAK, counted


class Kind(StrEnum):
    """How a column travels, as pictures colour it and texts mark it."""

    SAME = "same"
    ONE_TO_ONE = "one-to-one"
    PATH = "path"
    NEW_KEY = "new-key"
    LOSSY = "lossy"
    COMPUTED = "computed"
    KEPT = "kept"  # a lossy column's exact value, set beside it: no rule's own kind

    @property
    def mark(self) -> str:
        """One character for a text."""
        return _MARKS[self]

    @property
    def label(self) -> str:
        """Its name in a legend."""
        return _LABELS[self]


_MARKS = {
    Kind.SAME: "=",
    Kind.ONE_TO_ONE: "~",
    Kind.PATH: ">",
    Kind.NEW_KEY: "*",
    Kind.LOSSY: "!",
    Kind.COMPUTED: "-",
    Kind.KEPT: "+",
}
_LABELS = {
    Kind.SAME: "same or renamed",
    Kind.ONE_TO_ONE: "mapped one to one",
    Kind.PATH: "into a JSON path",
    Kind.NEW_KEY: "new key, in the row map",
    Kind.LOSSY: "lossy",
    Kind.COMPUTED: "computed again at rollback",
    Kind.KEPT: "exact value kept here",
}


@dataclass(frozen=True, slots=True)
class Loss:
    """How many distinct values of a lossy column have no way back, and what they become; None for several."""

    values: int
    becomes: str | None = None


@dataclass(frozen=True, slots=True)
class MappingFacts:
    """What was counted, to be shown beside a mapping; what was not counted is not shown.

    `rows` are of sources and children, `target_rows` before the fold, `target_rows_after` when it is folded; `added`
    are the columns that the target lacked, `kept_in` says where the exact values of lossy ones are.
    """

    rows: Mapping[TableName, int] = field(default_factory=dict)
    target_rows: int | None = None
    target_rows_after: int | None = None
    losses: Mapping[tuple[TableName, str], Loss] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    kept_in: str = "the archive"


def kind_of(rule: Rule) -> Kind:
    """How a source column travels; lossy outweighs the rest."""
    if rule.lossy:
        return Kind.LOSSY
    match rule.treatment:
        case Treatment.SAME:
            return Kind.SAME
        case Treatment.CAST | Treatment.VALUE_MAP | Treatment.CUSTOM | Treatment.REFERENCE:
            return Kind.ONE_TO_ONE
        case Treatment.PATH:
            return Kind.PATH
        case Treatment.ROW_MAP:
            return Kind.NEW_KEY
        case Treatment.DROPPED:
            return Kind.LOSSY
        case Treatment.GENERATED:
            return Kind.COMPUTED
        case _:
            assert_never(rule.treatment)


def kinds_of(lens: Lens) -> dict[Kind, int]:
    """How many source columns are of each kind, in the order of `Kind`; kinds that are not there are left out."""
    found = [kind_of(rule) for source in lens.sources for rule in source.rules]
    return {kind: found.count(kind) for kind in Kind if kind in found}


def lossy_columns(lens: Lens) -> tuple[str, ...]:
    """The lossy columns as `table.column`, in the spec's order."""
    return tuple(f"{source.name.name}.{rule.column.name}" for source in lens.sources for rule in source.lossy)


def column_count(lens: Lens) -> int:
    """How many columns the sources have together."""
    return sum(len(source.rules) for source in lens.sources)


def remark(source: SourceLens, rule: Rule, facts: MappingFacts, arrow: str = "->") -> str:
    """What is said beside a column; empty where its places say everything."""
    if kind_of(rule) is Kind.LOSSY:
        loss = loss_of(source, rule, facts)
        said = f"lossy: {loss_words(loss, arrow)}" if loss else "lossy" if rule.place else "lossy: has no place"
        readable = "".join(f", readable in {place}" for place in kept_places(source, rule))
        return f"{said} (exact value kept in {facts.kept_in}{readable})"
    match rule.treatment:
        case Treatment.SAME | Treatment.CAST | Treatment.PATH | Treatment.DROPPED:
            return ""
        case Treatment.VALUE_MAP:
            return value_words(rule.values, arrow) if rule.values else ""
        case Treatment.CUSTOM:
            return "by the spec's SQL, both ways"
        case Treatment.REFERENCE:
            return "follows the key it holds"
        case Treatment.ROW_MAP:
            return "new key, in the row map"
        case Treatment.GENERATED:
            return "computed again at rollback"
        case _:
            assert_never(rule.treatment)


def place_of(lens: Lens, rule: Rule) -> Place | None:
    """Where a column is shown to go: a new key's place is the target's key."""
    return Place(lens.key[0].name) if rule.treatment is Treatment.ROW_MAP else rule.place


def loss_of(source: SourceLens, rule: Rule, facts: MappingFacts) -> Loss | None:
    """What was counted of a lossy column, else what its value map alone tells, else None."""
    counted_loss = facts.losses.get((source.name, rule.column.name))
    if counted_loss or rule.values is None or rule.values.otherwise in (Otherwise.VALUE, Otherwise.NULL):
        return counted_loss
    groups = [sources for sources in _by_target(rule.values).values() if len(sources) > 1]
    shared = [target for target, sources in _by_target(rule.values).items() if len(sources) > 1]
    return Loss(sum(map(len, groups)), shared[0] if len(shared) == 1 else None) if groups else None


def loss_words(loss: Loss, arrow: str = "->") -> str:
    """`9 values -> 'other'`."""
    becomes = "fewer" if loss.becomes is None else f"'{loss.becomes}'"
    return f"{counted(loss.values, 'value')} {arrow} {becomes}"


def value_words(values: ValueMap, arrow: str = "->", most: int = 4) -> str:
    """`Critical, High, Medium, Low -> lower case`, or the pairs, at most so many."""
    pairs = [(text_of(key), text_of(value)) for key, value in values.pairs]
    for change, name in ((str.lower, "lower case"), (str.upper, "upper case")):
        if all(key is not None and value == change(key) for key, value in pairs):
            keys = _some([key or "NULL" for key, _ in pairs], 2 * most)
            return f"{keys} {arrow} {name}{_otherwise_words(values, arrow)}"
    groups = [f"{', '.join(keys)}{NO_BREAK}{arrow}{NO_BREAK}{value}" for value, keys in _by_target(values).items()]
    separator = "; " if any("," in group for group in groups) else ", "
    return f"{_some(groups, most, separator)}{_otherwise_words(values, arrow)}"


def _otherwise_words(values: ValueMap, arrow: str) -> str:
    match values.otherwise:
        case Otherwise.ERROR:
            return ""
        case Otherwise.KEEP:
            return "; others as they are"
        case Otherwise.NULL:
            return f"; others {arrow} NULL"
        case Otherwise.VALUE:
            return f"; others {arrow} {text_of(values.otherwise_value)}"
        case _:
            assert_never(values.otherwise)


def _by_target(values: ValueMap) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, value in values.pairs:
        groups.setdefault(_shown(value), []).append(_shown(key))
    return groups


def _shown(value: Scalar) -> str:
    return "NULL" if value is None else text_of(value) or "''"


def scalar_text(value: Scalar) -> str:
    """A constant as SQL would write it: `'issues'`, `7`, `NULL`."""
    return f"'{value}'" if isinstance(value, str) else text_of(value) or "NULL"


def _some(items: list[str], most: int, separator: str = ", ") -> str:
    shown = separator.join(items[:most])
    return shown if len(items) <= most else f"{shown}{separator}{len(items) - most} more"


_SHORT_TYPES = {
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "time with time zone": "timetz",
    "time without time zone": "time",
    "character varying": "varchar",
    "character": "char",
    "double precision": "float8",
    "bit varying": "varbit",
}
_MODIFIER = re.compile(r"\([0-9, -]+\)", re.ASCII)
_SERIALS = {"smallint": "smallserial", "integer": "serial", "bigint": "bigserial"}


def type_words(column: Column) -> str:
    """A column's type as people write it: `timestamptz`, `varchar(20)`, `bigserial`; a schema is left out."""
    if column.sequence is not None and not column.identity and column.type.sql in _SERIALS:
        return _SERIALS[column.type.sql]
    return short_type(column.type)


def short_type(type_of: ColumnType) -> str:
    """A type's short name, its length or precision kept; a name that needs quotes keeps its schema."""
    bare = _MODIFIER.sub("", type_of.bare or type_of.sql)
    head = bare.removesuffix("[]")
    name = head if '"' in head else head.rpartition(".")[2]
    modifier = _MODIFIER.search(type_of.sql)
    return f"{_SHORT_TYPES.get(name, name)}{modifier[0] if modifier else ''}{'[]' if head != bare else ''}"


def json_words(rule: Rule) -> str:
    """What a value is inside a document: string, number, boolean, array, object or json."""
    if rule.values is not None:
        return scalar_words([value for _, value in rule.values.pairs])
    return "json" if rule.treatment is Treatment.CUSTOM else json_type_words(rule.column.type)


def json_type_words(type_of: ColumnType) -> str:
    """What a value of that type is inside a document."""
    if type_of.json is JsonEncoding.TEXT:
        return "string"
    if type_of.json is JsonEncoding.JSONB:
        return "json"
    named = {"N": "number", "B": "boolean", "A": "array", "C": "object"}
    return named.get(type_of.category, "string")


def set_rule(source: SourceLens, constant: Constant) -> SetRule:
    """What the spec says of a constant."""
    return next(rule for rule in source.spec.set if rule.place == constant.place)


def copied_column(source: SourceLens, constant: Constant) -> Column | None:
    """The source column that a constant is a plain copy of, as `{category}`; None for anything else."""
    expression = set_rule(source, constant).expression
    return next((c for c in source.table.columns if expression and expression.strip() == f"{{{c.name}}}"), None)


def kept_places(source: SourceLens, rule: Rule) -> tuple[Place, ...]:
    """Where in the target the exact value of a lossy column can be read, because the spec sets a copy of it."""
    if not rule.lossy:
        return ()
    return tuple(c.place for c in source.constants if copied_column(source, c) == rule.column)


def constant_words(source: SourceLens, constant: Constant) -> str:
    """What the target's picture says of a constant: that it is one, or what it is computed from."""
    if set_rule(source, constant).expression is None:
        return "constant"
    columns = constant.forward.columns
    return f"from {', '.join(columns)}" if columns else "computed"


def constant_json_words(source: SourceLens, constant: Constant) -> str:
    """What a constant is inside a document; an expression's value is just json."""
    rule = set_rule(source, constant)
    copied = copied_column(source, constant)
    if rule.expression is None:
        return scalar_words([rule.constant])
    return json_type_words(copied.type) if copied else "json"


def scalar_words(values: Iterable[Scalar]) -> str:
    """The JSON type that all of these scalars have, else json; NULLs do not count."""
    names = {"boolean" if isinstance(v, bool) else "string" if isinstance(v, str) else "number"
             for v in values if v is not None}  # fmt: skip
    return names.pop() if len(names) == 1 else "json"


def unwritten(lens: Lens, facts: MappingFacts) -> tuple[Column, ...]:
    """The target's own columns that every source leaves to their default."""
    made = {p.column.name for s in lens.sources for p in s.placements if p.making is not Making.DEFAULT}
    return tuple(c for c in lens.target.columns if c.name not in made and c.name not in facts.added)


def untouched(lens: Lens, facts: MappingFacts) -> tuple[Column, ...]:
    """Those of `unwritten` that do not draw a new number a row."""
    return tuple(c for c in unwritten(lens, facts) if c.sequence is None and not c.identity)
