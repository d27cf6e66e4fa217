"""Findings: everything that stands in the way, or should be known, listed at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs: an error refuses, a warning and a note are shown."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a person should know.

    `object` names what it is about (`public.issues.severity`), `rule` is a short stable word for programs,
    `spec_line` is the 1-based line of defs.yaml that it concerns, `None` where there is none.
    """

    severity: Severity
    rule: str
    object: str
    message: str
    remedy: str = ""
    spec_line: int | None = None


def error(rule: str, object: str, message: str, remedy: str = "", spec_line: int | None = None) -> Finding:
    """A finding that refuses the run."""
    return Finding(Severity.ERROR, rule, object, message, remedy, spec_line)


def warning(rule: str, object: str, message: str, remedy: str = "", spec_line: int | None = None) -> Finding:
    """A finding that is shown and stops nothing."""
    return Finding(Severity.WARNING, rule, object, message, remedy, spec_line)


def note(rule: str, object: str, message: str, remedy: str = "", spec_line: int | None = None) -> Finding:
    """Something to know."""
    return Finding(Severity.NOTE, rule, object, message, remedy, spec_line)


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that refuse."""
    return tuple(f for f in findings if f.severity is Severity.ERROR)
