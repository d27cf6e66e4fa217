"""How the single values of a spec are written: each type here reads one, or names the mistake and the remedy.

A mistake is a ValueError, so that pydantic reports it at the place of its value, and Dagster, which makes
validation errors anew with file and line, can do so: it knows no error types but pydantic's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator

from pipelines.core.durations import parse_duration
from pipelines.core.expression_text import placeholders, scan
from pipelines.core.place import Place
from pipelines.core.schema import Action, TableName
from pipelines.core.spec import OnConflict, Rest, RestKind, Scalar

LONGEST_NAME_BYTES = 63

_PART = r'"[^"]+"|[^".]+'
_PATH = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")
_WORD = r"[^\W\d][\w$]*"
_TYPE = re.compile(rf'{_WORD}(?:\s+{_WORD})*|(?:(?:"[^"]+"|{_WORD})\.)?(?:"[^"]+"|{_WORD})')
_MODIFIER = re.compile(r"\(\s*\w+\s*(?:,\s*-?\w+\s*)*\)|\[\d*\]")
_NOT_A_TYPE = frozenset(
    ["check", "collate", "constraint", "default", "generated", "not", "null", "primary", "references", "unique"]
)


class Mistake(ValueError):
    """A value that is wrong, and what to write instead."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy


def parse_name(value: object) -> str:
    """The name of a column: not empty, and no longer than the server keeps it (manual 4.1.1)."""
    if not isinstance(value, str) or not value:
        raise Mistake(f"{shown(value)} is not a column's name", "write the name of a column")
    if len(value.encode()) > LONGEST_NAME_BYTES:
        cut = value.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore")
        what = f"{shown(value)} is longer than {LONGEST_NAME_BYTES} bytes, to which PostgreSQL cuts every name"
        raise Mistake(what, f"write {shown(cut)} where a column of that name is meant, or a shorter one")
    return value


def unsupported(remedy: str, what: str = "") -> Mistake:
    """The error of an attribute, or of one form of it, that is planned and not there."""
    return Mistake(f"{what} is not supported yet" if what else "not supported yet", remedy)


def parse_place(value: object) -> Place:
    """A column, or a path into a json column: `metadata.notes`, or a list where a part holds a dot.

    In the text form a part that holds a dot may also stand in double quotes, as `str(Place)` writes it.
    """
    remedy = 'write column, column.key, or [column, "key.with.dots"]'
    match value:
        case str() if _PATH.fullmatch(value):
            column, *path = (part.strip('"') for part in re.findall(_PART, value))
        case [str(), *_] if all(isinstance(part, str) and part for part in value):
            column, *path = value
        case _:
            raise Mistake(f"{shown(value)} is not a column or a path into one", remedy)
    return Place(parse_name(column), tuple(path))


def _read_target_place(value: object) -> Place:
    if isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        raise unsupported("give one place", "one column to several places")
    return parse_place(value)


def _check_place_key(text: str) -> str:
    parse_place(text)
    return text


def _read_table(value: object) -> TableName:
    if not isinstance(value, str):
        raise Mistake(f"{shown(value)} is not a table name", "write schema.table, or a bare name for public")
    try:
        name = TableName.parse(value)
    except ValueError:
        remedy = "write schema.table, or a bare name for public"
        raise Mistake(f"{shown(value)} is not a table name", remedy) from None
    for part in (name.schema, name.name):
        parse_name(part)
    return name


def _read_scalar(value: object) -> Scalar:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise Mistake(f"{shown(value)} is not a single value", "write text, a number, true, false or null")


def _read_sql(value: object) -> str:
    """SQL text; a bare number or truth value is SQL as it stands."""
    match value:
        case bool():
            text = str(value).lower()
        case str() | int() | float():
            text = str(value)
        case _:
            raise Mistake(f"{shown(value)} is not an SQL expression", "write it as text in double quotes")
    problems = [problem.partition("; ") for problem in scan(text)]
    if problems:
        what = ", and ".join(what for what, _, _ in problems)
        remedies = [remedy for _, _, remedy in problems if remedy] or ["give one SQL expression over one row"]
        raise Mistake(f"the SQL {shown(text)} has {what}", "; ".join(remedies))
    return text


def _read_sql_without_columns(value: object) -> str:
    text = _read_sql(value)
    if placeholders(text):
        raise Mistake(f"{shown(text)} names a column in braces", "write the column without braces here")
    return text


def _read_sql_type(value: object) -> str:
    remedy = "write a type such as text, numeric(10,2), timestamptz or text[]; quote as SQL does"
    if not isinstance(value, str):
        raise Mistake(f"{shown(value)} is not a type", remedy)
    words = _MODIFIER.sub(" ", value).strip()
    if not _TYPE.fullmatch(words):
        raise Mistake(f"{shown(value)} is not a type", remedy)
    extra = _NOT_A_TYPE.intersection(words.lower().split())
    if extra:
        raise Mistake(
            f"the type {shown(value)} says more than a type ({', '.join(sorted(extra))})",
            "use default:, not_null: and check: for the rest",
        )
    if words.lower() in ("serial", "bigserial", "smallserial"):
        raise Mistake(f"{value} is not a type but a sequence and a default", "use an integer type and default:")
    return value.strip()


def _read_duration(value: object) -> timedelta:
    if not isinstance(value, str):
        raise Mistake(f"{shown(value)} has no unit", "write a number and ms, s, m, h, d or w, as in 300ms or 7d")
    try:
        return parse_duration(value)
    except ValueError as problem:
        what, _, remedy = str(problem).partition(": ")
        raise Mistake(what, remedy) from None


def _read_positive_duration(value: object) -> timedelta:
    duration = _read_duration(value)
    if duration < timedelta(milliseconds=1):
        raise Mistake(f"{value} is no time at all, and to the server that means for ever", "write at least 1ms")
    return duration


def _read_action(value: object) -> Action:
    words = "_".join(value.lower().split()) if isinstance(value, str) else ""
    found = {action.name.lower(): action for action in Action}
    if words not in found:
        raise Mistake(f"{shown(value)} is not an action", f"write one of {', '.join(found)}")
    return found[words]


def _read_rest(value: object) -> Rest:
    match value:
        case "same_name" | "drop":
            return Rest(RestKind(value))
        case _:
            return Rest(RestKind.PATH, parse_place(value))


def _read_on_conflict(value: object) -> OnConflict:
    match value:
        case "error" | "skip":
            return OnConflict(value)
        case "new_key":
            raise unsupported("use skip, or key: new for the whole source", "new_key")
        case _:
            raise Mistake(f"{shown(value)} is not a rule for conflicts", "write error or skip")


def shown(value: object) -> str:
    """A value of the file as a message names it."""
    match value:
        case str() if len(value) > 60:
            return f'"{value[:57]}..."'
        case str():
            return f'"{value}"'
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Mapping():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return str(value)


def _refuse_unless_false(value: object) -> bool:
    if value is False:
        return False
    raise unsupported("leave it out: the old names leave with the cut-over")


def _refuser(remedy: str) -> PlainValidator:
    def refuse(value: object) -> None:
        raise unsupported(remedy)

    return PlainValidator(refuse, json_schema_input_type=Any)


Name = Annotated[str, PlainValidator(parse_name, json_schema_input_type=str)]
TableField = Annotated[TableName, PlainValidator(_read_table, json_schema_input_type=str)]
TargetPlace = Annotated[Place, PlainValidator(_read_target_place, json_schema_input_type=str | list[str])]
PlaceKey = Annotated[str, AfterValidator(_check_place_key)]
ScalarField = Annotated[Scalar, PlainValidator(_read_scalar, json_schema_input_type=Scalar)]
SqlOverColumns = Annotated[str, PlainValidator(_read_sql, json_schema_input_type=Scalar)]
SqlWithoutColumns = Annotated[str, PlainValidator(_read_sql_without_columns, json_schema_input_type=Scalar)]
SqlType = Annotated[str, PlainValidator(_read_sql_type, json_schema_input_type=str)]
Duration = Annotated[timedelta, PlainValidator(_read_duration, json_schema_input_type=str)]
PositiveDuration = Annotated[timedelta, PlainValidator(_read_positive_duration, json_schema_input_type=str)]
ActionField = Annotated[Action, PlainValidator(_read_action, json_schema_input_type=str)]
RestField = Annotated[Rest, PlainValidator(_read_rest, json_schema_input_type=str | list[str])]
OnConflictField = Annotated[OnConflict, PlainValidator(_read_on_conflict, json_schema_input_type=str)]
NoCompatibilityViews = Annotated[
    bool, PlainValidator(_refuse_unless_false, json_schema_input_type=bool | dict[str, str])
]
NoMatch = Annotated[None, _refuser("leave it out: a source's rows are appended to the target")]
NoUnmatched = Annotated[None, _refuser("leave it out, with match")]
NoKeepIn = Annotated[None, _refuser("leave it out: the archive keeps the exact value")]
