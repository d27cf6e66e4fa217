"""Ratios of alternating runs, and the limits they are held to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours divided by a peer's; `limit` is the most it may be (infinite: any), or with `at_least` the least."""

    what: str
    value: float
    limit: float
    at_least: bool = False
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the limit is kept."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        if math.isinf(self.limit):
            return f"{self.what:<66} {self.value:7.2f}{self.unit}"
        word = "at least" if self.at_least else "at most"
        verdict = "met" if self.met else "MISSED"
        return f"{self.what:<66} {self.value:7.2f}{self.unit:<3}  {word} {self.limit:g}{self.unit}  {verdict}"


def alternate(runs: int, contestants: Mapping[str, Callable[[], float]]) -> Mapping[str, tuple[float, ...]]:
    """Seconds of each contestant, run in turn: what disturbs the machine disturbs all of them."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(runs):
        for name, run in contestants.items():
            taken[name].append(run())
    return {name: tuple(seconds) for name, seconds in taken.items()}


def median_ratio(ours: Iterable[float], peers: Iterable[float]) -> float:
    """The median of the ratios of each turn."""
    return median(our / peer for our, peer in zip(ours, peers, strict=True))
