"""How a component is shown from its measurements: two must agree, and what nobody measured lately is unknown."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import SettingsError
from daemon.health import Standing, component, needs_confirmation, observe, worst
from daemon.probes.event_loop import LoopWatch
from daemon.probes.finding import RANKS, Finding, Measurement, Probe, Status
from daemon.probes.reported import Latest
from daemon.settings import read_settings
from daemon.watching import probes
from monitoring.wire import Component

START = datetime(2026, 11, 25, 7, 16, tzinfo=UTC)
H, D, U = Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY


async def _look() -> Finding:
    raise AssertionError


PROBE = Probe("postgres", "Postgres", _look, period_s=5)


def after(*statuses: Status, every_s: float = 5) -> Standing:
    standing = None
    for number, status in enumerate(statuses):
        at = START + timedelta(seconds=every_s * number)
        standing = observe(PROBE, standing, Measurement(Finding(status, f"look {number}", "so"), at, 0.003))
    assert standing is not None
    return standing


def shown(*statuses: Status) -> Status:
    return after(*statuses).shown.status


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ([H], H),
        ([U], U),
        ([H, U], H),
        ([H, U, U], U),
        ([H, U, H, U, H], H),
        ([H, D, U], D),
        ([H, D, U, U], U),
        ([U, H], U),
        ([U, H, H], H),
        ([U, D, H], D),
        ([U, H, U], U),
        ([H, Status.UNKNOWN], Status.UNKNOWN),
        ([H, Status.UNKNOWN, H], H),
        ([Status.DISABLED, H], H),
    ],
)
def test_a_status_flips_after_two_measurements_that_agree(measured: list[Status], expected: Status) -> None:
    assert shown(*measured) is expected


@given(st.lists(st.sampled_from([H, D, U]), min_size=3, max_size=30))
def test_two_that_agree_are_always_shown_and_a_single_one_never_flips(measured: list[Status]) -> None:
    if measured[-1] is measured[-2]:
        assert shown(*measured) is measured[-1]
    before = shown(*measured[:-1])
    assert RANKS[shown(*measured)] in range(
        min(RANKS[before], RANKS[measured[-2]], RANKS[measured[-1]]),
        max(RANKS[before], RANKS[measured[-2]], RANKS[measured[-1]]) + 1,
    )
    if measured[-2] is before:
        assert shown(*measured) is before


def test_what_is_shown_has_the_reason_and_time_of_a_measurement_of_that_status() -> None:
    standing = after(H, H, U)
    told = component(PROBE, standing, START, START + timedelta(seconds=11))
    assert (told.status, told.reason) == ("healthy", "look 1")
    assert told.measured_us == round((START.timestamp() + 5) * 1e6)
    assert needs_confirmation(standing)
    assert told.latency_ns == 3_000_000


def test_since_is_when_the_status_flipped_not_when_it_was_measured_again() -> None:
    told = component(PROBE, after(H, U, U, U), START, START + timedelta(seconds=16))
    assert (told.status, told.since_us) == ("unhealthy", round((START.timestamp() + 10) * 1e6))


def test_nothing_measured_is_unknown_and_nothing_measured_lately_too() -> None:
    never = component(PROBE, None, START, START + timedelta(seconds=3))
    assert (never.status, never.measured_us, never.reason) == ("unknown", None, "Not measured yet, for 3.0 s.")
    fresh = component(PROBE, after(H), START, START + timedelta(seconds=12.5))
    old = component(PROBE, after(H), START, START + timedelta(seconds=12.6))
    assert (fresh.status, old.status) == ("healthy", "unknown")
    assert old.reason == "Not measured for 13 s. Before: look 0"


def test_after_a_silence_one_measurement_is_news() -> None:
    standing = observe(PROBE, after(H, H), Measurement(Finding(U, "gone"), START + timedelta(minutes=5), 0.1))
    assert standing.shown.status is U
    assert standing.since == START + timedelta(minutes=5)


def test_unknown_is_worse_than_degraded_and_never_healthy_overall() -> None:
    def told(*statuses: Status) -> list[Component]:
        return [component(PROBE, after(status), START, START) for status in statuses]

    assert worst(told(H, Status.DISABLED)) is H
    assert worst(told(H, D, Status.UNKNOWN)) is Status.UNKNOWN
    assert worst(told(Status.UNKNOWN, U)) is U


@pytest.mark.parametrize(("said", "period_s"), [("", 5), ("2s", 2), ("1m", 60)])
def test_the_period_of_the_looks_is_a_setting(said: str, period_s: int) -> None:
    settings = read_settings({"HEALTH_CHECK_PERIOD": said}, Path("/nowhere"))
    assert settings.health_period_s == period_s
    loop = asyncio.new_event_loop()
    looked = probes(settings, Latest(), LoopWatch(loop), lambda: None)
    loop.close()
    assert {probe.period_s for probe in looked} == {period_s, 3 * period_s}


@pytest.mark.parametrize("said", ["0s", "90s", "5 weeks", "-1s", "1.5s"])
def test_a_period_that_cannot_be_is_named(said: str) -> None:
    with pytest.raises(SettingsError, match="HEALTH_CHECK_PERIOD"):
        read_settings({"HEALTH_CHECK_PERIOD": said}, Path("/nowhere"))
