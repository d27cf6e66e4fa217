"""Draws consolidations: mappings that mostly have a way back, over tables that are mostly in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st
from psycopg import sql

from pipelines.core.schema import TableName
from tests.laws import values as v
from tests.laws.consolidations import Consolidation, Setting, Source
from tests.laws.mappings import Follow, How, OneWay, Pair, Plain, Rule, Values
from tests.laws.schemas import NAMES, Column, Reference, Row, Table
from tests.laws.values import Kind

Draw = Callable[[st.SearchStrategy], object]

TARGET = TableName("public", "one")
LOOKUP = TableName("public", "lookup")
_SOURCES = (TableName("public", "first"), TableName("old", "one"), TableName("public", "Third.t"))
_ACTIONS = ("NO ACTION", "CASCADE", "SET NULL", "RESTRICT")
_PATHS = (("a",), ("b", "c"), ("b", "d"), ("x.y",), ("0",), ("e", "f", "g"), ("it's",), ("n", "1"))
_MAPPED = (
    (("sad", "low"), ("ok", "mid"), ("it's", "high")),
    ((None, "none"), ("a", "b"), ("b", "a")),
    (("a", None), ("ok", "")),
    (("1", "one"), ("0", "null"), ("42", "42.0")),
)
_MANY_TO_ONE = ((("sad", "x"), ("ok", "x"), ("a", "x")), (("a", "a"), ("A", "a"), (None, "a")))
_PAIRS = {
    ("text", "text"): (Pair("'<' || {c} || '>'", "substr({c}, 2, length({c}) - 2)"),
                       Pair("reverse({c})", "reverse({c})"), Pair("lower({c})", "{c}")),
    ("integer", "integer"): (Pair("-{c}", "-{c}"), Pair("{c} / 2", "{c} * 2")),
    ("integer", "text"): (Pair("'n' || {c}", "substr({c}, 2)::integer"),),
    ("boolean", "boolean"): (Pair("NOT {c}", "NOT {c}"),),
    ("numeric", "numeric"): (Pair("{c} + 0", "{c}"),),
    ("timestamp with time zone", "text"): (Pair("{c}::text", "{c}::timestamptz"),),
    ("jsonb", "text"): (Pair("{c} #>> '{}'", "{c}::jsonb"),),
}  # fmt: skip
_ONE_WAY = {
    "text": ("'other'", "left({c}::text, 1)", "NULL"),
    "integer": ("0", "length({c}::text)"),
    "boolean": ("true",),
}
_KEY_CASTS = {"bigint": ("integer", "smallint"), "integer": ("smallint",),
              "text": ("character varying(12)", "uuid", "integer"), "numeric": ("integer",)}  # fmt: skip
_SET_NAME = re.compile(r"\w+")


def key_text(kind: Kind, table: int, row: int) -> str:
    """A key of a row: another one for each table and row."""
    match kind.type:
        case "uuid":
            return f"{table:08x}-0000-4000-8000-{row:012x}"
        case "text" | "character varying(12)":
            return f"{('k', ' ', 'É', chr(39), '')[row % 5]}{table}.{row}"
        case "numeric":
            return f"{table}{row}.{'0' * (row % 3)}"
        case "date":
            return f"2024-{table + 1:02}-{row + 1:02}"
        case "timestamp with time zone":
            return f"2024-01-{table + 1:02} 00:00:{row:02}.5+00"
        case _:
            return str(table * 100 + row)


@dataclass
class Names:
    """Names that a table has not used yet."""

    draw: Draw
    used: set[str] = field(default_factory=set)

    def new(self, like: str | None = None) -> str:
        """Another name; `like` where it is still free."""
        if like is not None and like not in self.used:
            self.used.add(like)
            return like
        name = str(self.draw(st.sampled_from(NAMES).filter(lambda name: name not in self.used)))
        self.used.add(name)
        return name


def chance(draw: Draw, percent: int) -> bool:
    """True about that often; shrinks to False."""
    return int(str(draw(st.integers(0, 99)))) >= 100 - percent


@st.composite
def consolidations(draw: Draw) -> Consolidation:
    """A target, one to three sources, children, and what some of them reference."""
    names = Names(draw)
    key, can_be_new = _target_key(draw, names)
    plain = tuple(_target_column(draw, names) for _ in range(_number(draw, 0, 4)))
    documents = tuple(Column(names.new(), v.JSON if chance(draw, 25) else v.JSONB) for _ in range(_number(draw, 0, 2)))
    added = tuple(_added_column(draw, names) for _ in range(_number(draw, 0, 2)))
    lookup = _lookup(draw) if chance(draw, 25) else None
    looked = (Column(names.new("looked"), v.INTEGER),) if lookup else ()
    follows = (Column(names.new("parent"), key[0].kind),) if len(key) == 1 and chance(draw, 25) else ()
    places = _Places(key, can_be_new, (*plain, *added), documents, looked, follows)
    sources: list[Source] = []
    for number in range(_number(draw, 1, 3)):
        sources.append(_source(draw, number, places, sources))
    columns = (*key, *plain, *documents, *looked, *follows)
    own = tuple({**row, **dict.fromkeys((c.name for c in (*looked, *follows)), None)}
                for row in _rows(draw, columns, key, 9, 4))  # fmt: skip
    target = Table(TARGET, columns, tuple(c.name for c in key), rows=own)
    children = tuple(_child(draw, n, sources, target) for n in range(_number(draw, 0, 2)))
    return Consolidation(target, added, _may_be_null(draw, plain, sources), tuple(sources), children, lookup)


@dataclass(frozen=True, slots=True)
class _Places:
    """The target's columns by what may go there."""

    key: tuple[Column, ...]
    can_be_new: bool
    plain: tuple[Column, ...]
    documents: tuple[Column, ...]
    looked: tuple[Column, ...]
    follows: tuple[Column, ...]


def _number(draw: Draw, least: int, most: int) -> int:
    return int(str(draw(st.integers(least, most))))


def _pick(draw: Draw, among: Sequence[object]):  # type: ignore[no-untyped-def]
    return draw(st.sampled_from(among))


def _target_key(draw: Draw, names: Names) -> tuple[tuple[Column, ...], bool]:
    match _number(draw, 0, 6):
        case 0:
            return (Column(names.new("id"), v.INTEGER, drawn=sql.SQL("GENERATED BY DEFAULT AS IDENTITY")),), True
        case 1:
            return (Column(names.new("id"), v.UUID, drawn=sql.SQL("DEFAULT gen_random_uuid()")),), True
        case 2:
            return (Column(names.new("id"), v.BIGINT, drawn=sql.SQL("GENERATED ALWAYS AS IDENTITY")),), True
        case 3:
            return (Column(names.new(), v.INTEGER), Column(names.new(), v.TEXT)), False
        case 4:
            return (Column(names.new(), v.TEXT),), False
        case _:
            return (Column(names.new(), _pick(draw, v.KEY_KINDS)),), False


def _target_column(draw: Draw, names: Names) -> Column:
    kind = _pick(draw, v.KINDS)
    default = draw(v.values(kind)) if chance(draw, 25) else None
    return Column(names.new(), kind, chance(draw, 20), default)  # type: ignore[arg-type]


def _added_column(draw: Draw, names: Names) -> Column:
    kind = _pick(draw, v.KINDS)
    default = draw(v.values(kind)) if chance(draw, 50) else None
    return Column(names.new(), kind, default=default)  # type: ignore[arg-type]


def _lookup(draw: Draw) -> Table:
    rows: tuple[Row, ...] = tuple({"id": str(n)} for n in range(_number(draw, 1, 3)))
    return Table(LOOKUP, (Column("id", v.INTEGER),), ("id",), rows=rows)


def _source(draw: Draw, number: int, places: _Places, before: Sequence[Source]) -> Source:
    names = Names(draw)
    new_key = places.can_be_new and chance(draw, 50)
    key, rules = _source_key(draw, names, places, new_key)
    for goal in places.plain:
        if chance(draw, 65):
            rules.append(_column_rule(draw, names, goal))
    for goal in places.documents:
        rules += [_path_rule(draw, names, goal, path) for path in _paths(draw)]
    references = [*_looked(draw, names, places, rules), *_followed(draw, names, places, rules, key, number, before)]
    written = (*key, *(rule.column for rule in rules if rule.column not in key))
    lost = (
        tuple(Column(names.new(), _pick(draw, v.KINDS)) for _ in range(_number(draw, 0, 2))) if chance(draw, 25) else ()
    )
    columns = (*written, *lost, *_generated(draw, names, written))
    table = Table(
        _SOURCES[number], columns, tuple(c.name for c in key), _unique(draw, columns, key), _checks(draw, columns),
        tuple(references), _source_rows(draw, columns, key, number, references, before),
    )  # fmt: skip
    same = frozenset(r.column.name for r in rules if _same_name(r) and not lost and chance(draw, 75))
    settings = tuple(_settings(draw, places, rules))
    return Source(table, new_key, tuple(rules), same, bool(lost), settings)


def _same_name(rule: Rule) -> bool:
    return isinstance(rule.how, Plain | Follow) and rule.column.name == rule.to.name and not rule.path


def _source_key(draw: Draw, names: Names, places: _Places, new_key: bool) -> tuple[tuple[Column, ...], list[Rule]]:
    if new_key:
        kinds = [_pick(draw, v.KEY_KINDS) for _ in range(2 if chance(draw, 20) else 1)]
        return tuple(Column(names.new(), kind, not_null=True) for kind in kinds), []
    rules = []
    for goal in places.key:
        like = goal.name if chance(draw, 50) else None
        match _number(draw, 0, 4):
            case 3 if goal.kind.type in _KEY_CASTS:
                kind = v.BY_TYPE[_pick(draw, _KEY_CASTS[goal.kind.type])]
                rules.append(Rule(Column(names.new(like), kind, not_null=True), goal, (), Plain()))
            case 4 if goal.kind.type == "text":
                how = Pair("'L-' || {c}", "substr({c}, 3)")
                rules.append(Rule(Column(_holed(names, like), v.TEXT, not_null=True), goal, (), how))
            case _:
                rules.append(Rule(Column(names.new(like), goal.kind, not_null=True), goal, (), Plain()))
    return tuple(rule.column for rule in rules), rules


def _holed(names: Names, like: str | None) -> str:
    """A name that can stand in braces."""
    name = names.new(like)
    return name if "{" not in name else names.new()


def _column_rule(draw: Draw, names: Names, goal: Column) -> Rule:
    kind, how = _way(draw, goal)
    name = names.new(goal.name if chance(draw, 50) else None)
    if "{" in name + goal.name and isinstance(how, Pair | OneWay):
        kind, how = goal.kind, Plain()
    default = draw(v.values(kind)) if chance(draw, 15) else None
    return Rule(Column(name, kind, chance(draw, 25), default), goal, (), how)  # type: ignore[arg-type]


def _way(draw: Draw, goal: Column) -> tuple[Kind, How]:
    """The source column's kind, and how it becomes the target's."""
    match _number(draw, 0, 9):
        case 4 | 5:
            from_kinds = [kind for kind, goals in v.CASTS.items() if goal.kind.type in goals]
            if from_kinds:
                return v.kind_of(_pick(draw, from_kinds)), Plain()
        case 6 if goal.kind.type in ("text", "character varying", "public.code"):
            return v.BY_TYPE[_pick(draw, ("text", "public.mood", "integer", "character varying"))], _values(draw)
        case 7 | 8:
            pairs = [(given, pair) for (given, to), some in _PAIRS.items() if to == goal.kind.type for pair in some]
            if pairs:
                given, pair = _pick(draw, pairs)
                return v.BY_TYPE[given], pair
        case 9 if goal.kind.type in _ONE_WAY:
            return _pick(draw, v.KINDS), OneWay(_pick(draw, _ONE_WAY[goal.kind.type]))
    return goal.kind, Plain()


def _values(draw: Draw) -> Values:
    if chance(draw, 30):
        return Values(_pick(draw, _MANY_TO_ONE), _pick(draw, ("error", "keep", "null", "x")), lossy=True)
    return Values(_pick(draw, _MAPPED), _pick(draw, ("keep", "keep", "error")))


def _paths(draw: Draw) -> tuple[tuple[str, ...], ...]:
    drawn = draw(st.lists(st.sampled_from(_PATHS), unique=True, max_size=3))
    return tuple(drawn)  # type: ignore[arg-type]


def _path_rule(draw: Draw, names: Names, goal: Column, path: tuple[str, ...]) -> Rule:
    column = Column(names.new(), _pick(draw, v.KINDS), chance(draw, 15))
    return Rule(column, goal, path, Plain())


def _looked(draw: Draw, names: Names, places: _Places, rules: list[Rule]) -> Iterator[Reference]:
    for goal in places.looked:
        if chance(draw, 60):
            column = Column(names.new(), v.INTEGER)
            rules.append(Rule(column, goal, (), Plain()))
            yield Reference((column.name,), LOOKUP, ("id",), _pick(draw, _ACTIONS))


def _followed(
    draw: Draw, names: Names, places: _Places, rules: list[Rule], key: tuple[Column, ...], number: int,
    before: Sequence[Source],
) -> Iterator[Reference]:  # fmt: skip
    """A column with the key of another row: of this source or of an earlier one."""
    for goal in places.follows:
        parents = [(_SOURCES[number], key), *((s.table.name, _key_of(s.table)) for s in before)]
        parent, columns = _pick(draw, parents)
        if len(columns) == 1 and chance(draw, 70):
            column = Column(names.new(), columns[0].kind)
            rules.append(Rule(column, goal, (), Follow()))
            yield Reference((column.name,), parent, (columns[0].name,), _pick(draw, _ACTIONS))


def _key_of(table: Table) -> tuple[Column, ...]:
    return tuple(table.column(name) for name in table.key)


def _generated(draw: Draw, names: Names, columns: Sequence[Column]) -> Iterator[Column]:
    texts = [c for c in columns if c.kind in (v.TEXT, v.INTEGER)]
    if texts and chance(draw, 20):
        of = _pick(draw, texts)
        yield Column(names.new(), v.TEXT, generated=sql.SQL("{}::text || '!'").format(of.identifier))


def _unique(draw: Draw, columns: Sequence[Column], key: Sequence[Column]) -> tuple[tuple[str, ...], ...]:
    others = [c.name for c in columns if c.kind.is_key and c not in key and c.generated is None]
    return tuple((name,) for name in others if chance(draw, 15))


def _checks(draw: Draw, columns: Sequence[Column]) -> tuple[sql.Composed, ...]:
    some = [c for c in columns if c.kind in (v.TEXT, v.INTEGER) and c.generated is None]
    return tuple(sql.SQL("{}::text <> '42'").format(c.identifier) for c in some if chance(draw, 15))


def _settings(draw: Draw, places: _Places, rules: Sequence[Rule]) -> Iterator[Setting]:
    taken = {rule.to.name for rule in rules}
    for column in places.plain:
        if column.name not in taken and column.kind == v.TEXT and _SET_NAME.fullmatch(column.name) and chance(draw, 30):
            if chance(draw, 50):
                yield Setting(column, "it's", v.TEXT.literal("it's"))
            else:
                yield Setting(column, {"expression": "'a' || 'b'"}, v.TEXT.literal("ab"))


def _rows(
    draw: Draw, columns: Sequence[Column], key: Sequence[Column], number: int, most: int
) -> tuple[dict[str, str | None], ...]:
    return tuple(_row(draw, columns, key, number, row) for row in range(_number(draw, 0, most)))


def _row(draw: Draw, columns: Sequence[Column], key: Sequence[Column], number: int, row: int) -> dict[str, str | None]:
    made: dict[str, str | None] = {c.name: key_text(c.kind, number, row) for c in key}
    for column in columns:
        if column.name in made or column.generated is not None:
            continue
        if column.default is not None and chance(draw, 10):
            continue
        some = v.values(column.kind) if column.not_null else v.values_or_null(column.kind)
        made[column.name] = draw(some)  # type: ignore[assignment]
    return made


def _source_rows(
    draw: Draw, columns: Sequence[Column], key: Sequence[Column], number: int, references: Sequence[Reference],
    before: Sequence[Source],
) -> tuple[Row, ...]:  # fmt: skip
    rows: list[dict[str, str | None]] = []
    for count in range(_number(draw, 0, 5)):
        row = _row(draw, columns, key, number, count)
        for reference in references:
            row[reference.columns[0]] = _parent(draw, reference, key, rows, before)
        rows.append(row)
    return tuple(rows)


def _parent(
    draw: Draw, reference: Reference, key: Sequence[Column], rows: Sequence[Row], before: Sequence[Source]
) -> str | None:
    if reference.to == LOOKUP:
        return _pick(draw, (None, "0", "1"))  # type: ignore[no-any-return]
    other = next((s.table.rows for s in before if s.table.name == reference.to), rows)
    return _pick(draw, (None, *(row[reference.to_columns[0]] for row in other)))  # type: ignore[no-any-return]


def _child(draw: Draw, number: int, sources: Sequence[Source], target: Table) -> Table:
    """A table that references a source, or the target."""
    followed = [source.table for source in sources if not source.new_key or len(source.table.key) == 1]
    parent = _pick(draw, (*followed, target))
    key = _key_of(parent)
    own = Column("id", v.INTEGER)
    columns = tuple(Column(f"of {n}", c.kind, chance(draw, 30)) for n, c in enumerate(key))
    rows: list[Row] = []
    for count in range(_number(draw, 0, 4) if parent.rows else 0):
        of = _pick(draw, parent.rows)
        rows.append({"id": str(count), **{c.name: of.get(k.name) for c, k in zip(columns, key, strict=True)}})
    reference = Reference(tuple(c.name for c in columns), parent.name, parent.key, _pick(draw, _ACTIONS[:2]))
    return Table(
        TableName("public", f"child {number}"), (own, *columns), ("id",), references=(reference,), rows=tuple(rows)
    )


def _may_be_null(draw: Draw, plain: Sequence[Column], sources: Sequence[Source]) -> tuple[str, ...]:
    """The target's NOT NULL columns that some source may leave empty."""
    return tuple(c.name for c in plain if c.not_null and any(_leaves_empty(s, c) for s in sources) and chance(draw, 97))


def _leaves_empty(source: Source, column: Column) -> bool:
    rules = source.rules_of(column.name)
    if not rules:
        return column.default is None and all(setting.column != column for setting in source.settings)
    return not rules[0].column.not_null or not isinstance(rules[0].how, Plain)
