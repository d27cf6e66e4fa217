"""What a step did, for the report, the terminal and the Dagster asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from pipelines.core.checks import Check


@dataclass(frozen=True, slots=True)
class Outcome:
    """`sentence` is for a person; `facts` are numbers and paths by stable names; `checks` are what it looked at.

    `already` says that an earlier try had done it.
    """

    step: str
    sentence: str
    seconds: float
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    already: bool = False
