"""What a stored plan says in its markdown: rows that it proved and counted, and how long locks would be held. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TARGET = re.compile(r"\\-\\> .*? \\\((?P<rows>[\d,]+)\\\)\*\*, plan")
_PROVEN = re.compile(r"^\| proof \| [\d,]+ of (?P<rows>[\d,]+) rows? ", re.MULTILINE)
_HELD = re.compile(r"\| at cut over, about (?P<held>[^|]+) \|")
_PART = re.compile(r"(?P<number>[\d.,]+) (?P<unit>ms|s|min|h)\b")
_UNITS_MS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}


@dataclass(frozen=True, slots=True)
class PlanWords:
    """None is what it does not say."""

    target_rows: int | None = None
    proven_rows: int | None = None
    held_ms: float | None = None  # at the cut-over, at most


def read_plan(document: str | None) -> PlanWords:
    """From the markdown that pgfold keeps of a plan; words that changed are words not found."""
    if document is None:
        return PlanWords()
    head = document.partition("\n")[0]
    held = [_milliseconds(found["held"]) for found in _HELD.finditer(document)]
    return PlanWords(_rows(_TARGET.search(head)), _rows(_PROVEN.search(document)), max(held, default=None))


def _rows(found: re.Match[str] | None) -> int | None:
    return None if found is None else int(found["rows"].replace(",", ""))


def _milliseconds(text: str) -> float:
    parts = _PART.finditer(text)
    return sum(float(part["number"].replace(",", "")) * _UNITS_MS[part["unit"]] for part in parts)
