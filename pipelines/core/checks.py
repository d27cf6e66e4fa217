"""Checks: what was looked at, over how many, and what was found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One check's answer. `name` is stable, for programs; `sentence` is for a person.

    `over` and `found` are counts of rows or things; `details` names at most twenty of what was found. A check that is
    not `blocking` is shown and stops nothing.
    """

    name: str
    sentence: str
    passed: bool
    over: int
    found: int
    took_s: float
    blocking: bool = True
    details: tuple[str, ...] = ()


def failed(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Those that stop a run."""
    return tuple(check for check in checks if check.blocking and not check.passed)
