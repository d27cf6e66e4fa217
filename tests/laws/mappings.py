"""How a test maps source columns: as the spec writes it, and the same by hand in plain SQL, independent of the lens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from psycopg import sql

from tests.laws.schemas import Column
from tests.laws.values import InJson

Yaml = Any


@dataclass(frozen=True, slots=True)
class Plain:
    """As it is: renamed, cast, or into a document."""


@dataclass(frozen=True, slots=True)
class Values:
    """A value map, in input text on both sides; `otherwise` as the spec writes it."""

    pairs: tuple[tuple[str | None, str | None], ...]
    otherwise: str | None = "error"
    lossy: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """The author's own pair; `{c}` stands for the column on each side."""

    forward: str
    inverse: str


@dataclass(frozen=True, slots=True)
class OneWay:
    """A forward without a way back."""

    forward: str


@dataclass(frozen=True, slots=True)
class Follow:
    """A key of a source of the fold: it follows its row."""


How = Plain | Values | Pair | OneWay | Follow


@dataclass(frozen=True, slots=True)
class Rule:
    """One source column and where it goes: a column of the target, or a path in one."""

    column: Column
    to: Column
    path: tuple[str, ...]
    how: How

    @property
    def place(self) -> tuple[str, ...]:
        """The target's column, and the path in it."""
        return (self.to.name, *self.path)

    @property
    def is_lossy(self) -> bool:
        """Whether the spec says so."""
        match self.how:
            case OneWay():
                return True
            case Values(otherwise=otherwise, lossy=lossy):
                return lossy or otherwise not in ("error", "keep")
            case _:
                return False

    def spec(self) -> Yaml:
        """As `columns:` has it."""
        place = list(self.place)
        match self.how:
            case Plain() | Follow():
                return place
            case Values(pairs, otherwise, lossy):
                named = {"to": place, "values": dict(pairs), "otherwise": otherwise}
                return {**named, "lossy": True} if lossy else named
            case Pair(forward, inverse):
                return {"to": place, "forward": _hole(forward, self.column), "inverse": _hole(inverse, self.to)}
            case OneWay(forward):
                return {"to": place, "forward": _hole(forward, self.column), "lossy": True}
            case _:
                assert_never(self.how)


def _hole(template: str, column: Column) -> str:
    return template.replace("{c}", "{" + column.name + "}")


def _filled(template: str, value: sql.Composable) -> sql.Composed:
    parts = [sql.SQL(part) for part in template.split("{c}")]
    return sql.Composed([piece for part in parts for piece in (value, part)][1:])


def forward(rule: Rule, alias: str = "s") -> sql.Composed:
    """What the source row's column becomes, by hand; jsonb for a path."""
    value = sql.Identifier(alias, rule.column.name)
    match rule.how:
        case Plain() if rule.path:
            return sql.SQL("COALESCE({}, 'null'::jsonb)").format(_encoded(value, rule.column))
        case Plain() | Follow():
            return _converted(value, rule.column, rule.to)
        case Values(pairs, otherwise, _):
            return _mapped(value, rule, pairs, otherwise)
        case Pair(template, _) | OneWay(template):
            return sql.SQL("({})::{}").format(_filled(template, value), rule.to.kind.type_sql)
        case _:
            assert_never(rule.how)


def inverse(rule: Rule, alias: str = "t") -> sql.Composed | None:
    """What the target row's value comes back as, by hand; None where nothing leads back."""
    value: sql.Composable = sql.Identifier(alias, rule.to.name)
    match rule.how:
        case Plain() if rule.path:
            return _decoded(sql.SQL("({}::jsonb #> {})").format(value, sql.Literal(list(rule.path))), rule.column)
        case Plain():
            return _converted(value, rule.to, rule.column)
        case Values(pairs, otherwise, _):
            return _unmapped(value, rule, pairs, otherwise)
        case Pair(_, template):
            return sql.SQL("({})::{}").format(_filled(template, value), rule.column.kind.type_sql)
        case OneWay() | Follow():
            return None
        case _:
            assert_never(rule.how)


def _converted(value: sql.Composable, source: Column, goal: Column) -> sql.Composed:
    if source.kind.type == goal.kind.type:
        return sql.SQL("{}").format(value)
    through = "public.mood", "public.fruit"
    if source.kind.type in through or goal.kind.type in through:
        value = sql.SQL("{}::text").format(value)
    return sql.SQL("({})::{}").format(value, goal.kind.type_sql)


def _encoded(value: sql.Composable, column: Column) -> sql.Composed:
    text = sql.SQL("to_jsonb({}::text)").format(value)
    native = sql.SQL("to_jsonb({})").format(value)
    match column.kind.in_json:
        case InJson.NATIVE:
            return native
        case InJson.TEXT:
            return text
        case InJson.ARRAY:
            bounds = [sql.SQL("array_lower({}, {}) <> 1").format(value, sql.Literal(n)) for n in range(1, 7)]
            return sql.SQL("CASE WHEN {} THEN {} ELSE {} END").format(sql.SQL(" OR ").join(bounds), text, native)
        case InJson.JSONB:
            return sql.SQL("CASE WHEN jsonb_typeof({0}) IN ('null', 'string') THEN {1} ELSE {0} END").format(
                value, text
            )
        case _:
            assert_never(column.kind.in_json)


def _decoded(document: sql.Composable, column: Column) -> sql.Composed:
    text = sql.SQL("(({}) #>> '{{}}')::{}").format(document, column.kind.type_sql)
    record = sql.SQL("(SELECT r.v FROM jsonb_to_record(jsonb_build_object('v', {})) AS r(v {}))").format(
        document, column.kind.type_sql
    )
    match column.kind.in_json:
        case InJson.TEXT:
            return text
        case InJson.JSONB:
            return sql.SQL("CASE jsonb_typeof({0}) WHEN 'string' THEN {1} WHEN 'null' THEN NULL ELSE {0} END").format(
                document, text
            )
        case InJson.NATIVE | InJson.ARRAY:
            return sql.SQL("CASE jsonb_typeof({}) WHEN 'string' THEN {} ELSE {} END").format(document, text, record)
        case _:
            assert_never(column.kind.in_json)


def _mapped(
    value: sql.Composable, rule: Rule, pairs: Sequence[tuple[str | None, str | None]], otherwise: str | None
) -> sql.Composed:
    goal = rule.to.kind
    nulls = [to for given, to in pairs if given is None]
    parts = [sql.SQL("WHEN {} IS NULL THEN {}").format(value, goal.literal(nulls[0] if nulls else None))]
    for given, to in pairs:
        if given is not None:
            parts.append(
                sql.SQL('WHEN {}::text COLLATE "C" = {} THEN {}').format(value, sql.Literal(given), goal.literal(to))
            )
    other: sql.Composable = goal.literal(None if otherwise in ("error", "null") else otherwise)
    if otherwise == "keep":
        other = sql.SQL("{}::text::{}").format(value, goal.type_sql)
    return sql.SQL("CASE {} ELSE {} END").format(sql.SQL(" ").join(parts), other)


def _unmapped(
    value: sql.Composable, rule: Rule, pairs: Sequence[tuple[str | None, str | None]], otherwise: str | None
) -> sql.Composed:
    source = rule.column.kind
    nulls = [given for given, to in pairs if to is None]
    parts = [sql.SQL("WHEN {} IS NULL THEN {}").format(value, source.literal(nulls[0] if nulls else None))]
    for given, to in pairs:
        if to is not None:
            parts.append(
                sql.SQL('WHEN {}::text COLLATE "C" = {} THEN {}').format(value, sql.Literal(to), source.literal(given))
            )
    other: sql.Composable = source.literal(None)
    if otherwise == "keep":
        other = sql.SQL("{}::text::{}").format(value, source.type_sql)
    return sql.SQL("CASE {} ELSE {} END").format(sql.SQL(" ").join(parts), other)


def columns_spec(rules: Sequence[Rule], *, unwritten: frozenset[str]) -> Mapping[str, Yaml]:
    """`columns:` of a source; those of `unwritten` are left to `rest:`."""
    return {rule.column.name: rule.spec() for rule in rules if rule.column.name not in unwritten}
