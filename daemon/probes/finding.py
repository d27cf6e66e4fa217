"""What a probe found: a status, and a sentence that names the thing and a number with its unit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """How a component is; nothing is healthy that was not measured."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"  # it works, and somebody should look
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"  # nobody measured it lately
    DISABLED = "disabled"  # not configured, so there is nothing to measure


RANKS = {Status.HEALTHY: 0, Status.DEGRADED: 1, Status.UNHEALTHY: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """`meaning` is what the status means for users; `latency_s` where the probe itself timed an answer."""

    status: Status
    reason: str
    meaning: str = ""
    latency_s: float | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """A finding with its time, aware UTC, and how long the look took."""

    finding: Finding
    at: datetime
    latency_s: float | None

    @property
    def status(self) -> Status:
        """The finding's."""
        return self.finding.status


@dataclass(frozen=True, slots=True)
class Probe:
    """A component and how to look at it.

    `needed` says whether the daemon is not ready without it. A look that takes longer than `timeout_s` is given up:
    `hung` says what that means.
    """

    name: str
    title: str
    look: Callable[[], Awaitable[Finding]]
    period_s: float
    needed: bool = False
    meaning: str = ""  # what users notice while it is unhealthy

    @property
    def timeout_s(self) -> float:
        """Short enough that a hang is measured twice within two periods."""
        return self.period_s / 4

    @property
    def confirm_s(self) -> float:
        """How soon a measurement that disagrees with what is shown is made again."""
        return self.period_s / 4

    @property
    def stale_after_s(self) -> float:
        """A measurement older than this says nothing any more."""
        return self.period_s * 2.5
