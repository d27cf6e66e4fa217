"""Health: how each component is shown, from its measurements. Pure: the clock is an argument.

A status flips after two measurements that agree; one that nobody measured lately is unknown, whatever it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.probes.finding import RANKS, Finding, Measurement, Probe, Status
from daemon.wording import duration
from monitoring.wire import Component


@dataclass(frozen=True, slots=True)
class Standing:
    """A component as shown, and its latest measurement; `since` is when its status last flipped."""

    shown: Measurement
    last: Measurement
    since: datetime


def observe(probe: Probe, standing: Standing | None, measured: Measurement) -> Standing:
    """The standing after one more measurement.

    Of the status shown and the last two measured, the middle one is shown: two that agree outvote it, and so do two
    that are both worse, as far as they agree. Where nothing is known there is nothing to outvote, and what cannot be
    measured is unknown at once.
    """
    if standing is None:
        return Standing(measured, measured, measured.at)
    if _is_unranked(standing.shown) or _is_unranked(measured) or _is_stale(probe, standing, measured.at):
        return _flip(probe, standing, measured, measured)
    votes = (measured, standing.last, standing.shown)
    middle = sorted(votes, key=_rank)[1].status
    return _flip(probe, standing, next(vote for vote in votes if vote.status is middle), measured)


def needs_confirmation(standing: Standing | None) -> bool:
    """Whether the latest measurement disagrees with what is shown, so that another should follow soon."""
    return standing is not None and standing.last.status is not standing.shown.status


def component(probe: Probe, standing: Standing | None, started: datetime, now: datetime) -> Component:
    """As it is shown at `now`; `started` is when probing began."""
    if standing is None:
        waits = Finding(Status.UNKNOWN, f"Not measured yet, for {duration(_age_s(started, now))}.", _UNSEEN)
        return _as_wire(probe, waits, None, None, started)
    if standing.shown.status is not Status.DISABLED and _is_stale(probe, standing, now):
        age_s = _age_s(standing.last.at, now)
        gone = Finding(
            Status.UNKNOWN, f"Not measured for {duration(age_s)}. Before: {standing.shown.finding.reason}", _UNSEEN
        )
        return _as_wire(probe, gone, standing.last.at, None, standing.last.at + _stale_after(probe))
    shown = standing.shown
    return _as_wire(probe, shown.finding, shown.at, shown.latency_s, standing.since)


def worst(components: Iterable[Component]) -> Status:
    """Of several components, the worst status; unknown is worse than degraded, disabled does not count."""
    order = (Status.HEALTHY, Status.DEGRADED, Status.UNKNOWN, Status.UNHEALTHY)
    found = [Status(one.status) for one in components if one.status != "disabled"]
    return max(found, key=order.index, default=Status.HEALTHY)


_UNSEEN = "Nobody can say how it is: neither trust nor blame it."
_MEANINGS = {Status.UNKNOWN: _UNSEEN, Status.DISABLED: "It is not watched; nothing depends on it here."}


def _flip(probe: Probe, standing: Standing, shown: Measurement, last: Measurement) -> Standing:
    was = Status.UNKNOWN if _is_stale(probe, standing, last.at) else standing.shown.status
    return Standing(shown, last, standing.since if shown.status is was else last.at)


def _rank(measured: Measurement) -> int:
    return RANKS[measured.status]


def _is_unranked(measured: Measurement) -> bool:
    return measured.status not in RANKS


def _is_stale(probe: Probe, standing: Standing, now: datetime) -> bool:
    return now - standing.last.at > _stale_after(probe)


def _stale_after(probe: Probe) -> timedelta:
    return timedelta(seconds=probe.stale_after_s)


def _age_s(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())


def _as_wire(
    probe: Probe, finding: Finding, at: datetime | None, latency_s: float | None, since: datetime
) -> Component:
    return Component(
        name=probe.name,
        title=probe.title,
        status=finding.status.value,
        reason=finding.reason,
        measured_us=None if at is None else microseconds(at),
        latency_ns=None if latency_s is None else round(latency_s * 1e9),
        meaning=finding.meaning or _MEANINGS.get(finding.status, ""),
        since_us=microseconds(since),
    )


def microseconds(at: datetime) -> int:
    """Since the Unix epoch, as times are on the wire."""
    return (at - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
