"""A pydantic error of the spec's model as a finding: the line, the attribute, and what to write instead."""

from __future__ import annotations

from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipelines.core.findings import Finding, error
from pipelines.core.spec_fields import Mistake, shown
from pipelines.core.spec_model import (
    AddColumnModel,
    ColumnRuleModel,
    ConsolidationModel,
    ForeignKeyModel,
    SetModel,
    SourceModel,
)
from pipelines.core.yaml_text import LinesByPath, Path, nearest_line

_SHAPES = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
}


def mistakes(problem: ValidationError, lines: LinesByPath) -> tuple[Finding, ...]:
    """One finding an error, in the order of the errors; `lines` are those of the attributes, empty if not known."""
    return tuple(_mistake(details, lines) for details in problem.errors(include_url=False))


def close_to(word: str, known: tuple[str, ...]) -> str:
    """The remedy for a word that is not known: the one that was likely meant, else all of them."""
    close = get_close_matches(word, known, n=1)
    return f'did you mean "{close[0]}"?' if close else f"write one of {', '.join(known)}"


def _mistake(details: ErrorDetails, lines: LinesByPath) -> Finding:
    path = tuple(details["loc"])
    what, remedy = _words(details, path)
    where = ".".join(str(part) for part in path if part != "[key]") or "attributes"
    rule = "value" if details["type"] == "value_error" else details["type"]
    return error(rule, where, what, remedy, nearest_line(lines, path))


def _words(details: ErrorDetails, path: Path) -> tuple[str, str]:
    label = _label(path)
    match details["type"]:
        case "extra_forbidden":
            return f'unknown attribute "{path[-1]}"', close_to(str(path[-1]), _attributes(path[:-1]))
        case "missing":
            parent = _label(path[:-1])
            where = "" if parent == "attributes" else f" in {parent}"
            return f"{path[-1]} is missing{where}", f"add {path[-1]}:"
        case "value_error" if isinstance(cause := details["ctx"]["error"], Mistake):
            return f"{label}: {cause.what}", cause.remedy
        case "string_too_short":
            return f"{label} is empty", "write a name"
        case kind if kind in _SHAPES:
            return f"{label} is {shown(details['input'])}", f"write {_SHAPES[kind]}"
        case _:
            rest = details["msg"].removeprefix("Input ")
            return f"{label} {rest}", _closest_choice(details) or "change it"


def _closest_choice(details: ErrorDetails) -> str:
    choices = str(details.get("ctx", {}).get("expected", ""))
    words = tuple(choices.replace(" or ", ", ").replace("'", "").split(", ")) if choices else ()
    close = get_close_matches(str(details["input"]), words, n=1)
    return f'did you mean "{close[0]}"?' if close else ""


def _label(path: Path) -> str:
    """How a person would name the attribute: `severity.values`, `foreign_keys[0].columns`, `batch_rows`."""
    match path:
        case ("sources", int(), "columns", *inner) if inner:
            pass
        case ("sources", int(), *inner) if inner:
            pass
        case _:
            inner = list(path)
    if len(inner) > 1 and inner[-1] == "to":
        inner = inner[:-1]
    named = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in inner if part != "[key]")
    return named.removeprefix(".") or "attributes"


def _attributes(path: Path) -> tuple[str, ...]:
    return tuple(_model(path).model_fields)


def _model(path: Path) -> type[BaseModel]:
    match path:
        case ("sources", _, "columns", _):
            return ColumnRuleModel
        case ("sources", _, "set", _):
            return SetModel
        case ("sources", _):
            return SourceModel
        case ("add_columns", _):
            return AddColumnModel
        case ("foreign_keys", _):
            return ForeignKeyModel
        case _:
            return ConsolidationModel
