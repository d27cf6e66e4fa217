"""When the demo is slow and when it fails: a steady rhythm, read off the clock, the same for all its processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

_ROUND_S = 240
_SLOW_S = range(90, 115)
_FAILING_S = range(180, 200)


class Spell(Enum):
    """How the demo is."""

    STEADY = "steady"
    SLOW = "slow"
    FAILING = "failing"


def spell_at(seconds: float) -> Spell:
    """The spell at a moment, in seconds since the epoch: of each four minutes one is slow, later one failing."""
    into = int(seconds) % _ROUND_S
    if into in _SLOW_S:
        return Spell.SLOW
    return Spell.FAILING if into in _FAILING_S else Spell.STEADY


@dataclass(frozen=True, slots=True)
class Weather:
    """The spell that a process asks for again and again."""

    now: Callable[[], float]

    @property
    def spell(self) -> Spell:
        """How the demo is now."""
        return spell_at(self.now())

    @property
    def slow(self) -> bool:
        """Whether things take long now."""
        return self.spell is Spell.SLOW

    @property
    def failing(self) -> bool:
        """Whether things fail now."""
        return self.spell is Spell.FAILING
