"""Moments in Melbourne, over every change of its clocks from 2008 to 2040."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.timezones import MELBOURNE, NoSuchMoment, format_aedt, to_aedt, to_utc, utc_now

YEARS = st.integers(2008, 2040)
MINUTES = st.integers(0, 59)


def first_sunday(year: int, month: int) -> datetime:
    """Clocks change on the first Sunday of April and of October, since 2008."""
    first = datetime(year, month, 1, tzinfo=MELBOURNE)
    return first + timedelta(days=(6 - first.weekday()) % 7)


@given(YEARS, MINUTES, st.sampled_from([0, 1]))
def test_the_repeated_autumn_hour_is_two_moments_with_two_names(year: int, minute: int, fold: int) -> None:
    local = first_sunday(year, 4).replace(hour=2, minute=minute, fold=fold)
    utc = to_utc(local)
    assert utc.replace(tzinfo=None) == local.replace(tzinfo=None, fold=0) - timedelta(hours=11 - fold)
    assert (to_aedt(utc), to_aedt(utc).fold) == (local, fold)
    assert format_aedt(utc).endswith(" AEST" if fold else " AEDT")


@given(YEARS, MINUTES, st.sampled_from([0, 1]))
def test_the_missing_spring_hour_is_an_error(year: int, minute: int, fold: int) -> None:
    with pytest.raises(NoSuchMoment, match="does not exist"):
        to_utc(first_sunday(year, 10).replace(hour=2, minute=minute, fold=fold))


@given(YEARS, st.sampled_from([4, 10]), st.integers(-180, 180))
def test_around_every_change_a_moment_comes_back_the_same(year: int, month: int, minutes: int) -> None:
    change = datetime(year, month, first_sunday(year, month).day, tzinfo=UTC) - timedelta(hours=8)
    moment = change + timedelta(minutes=minutes)
    assert to_utc(to_aedt(moment)) == moment
    assert format_aedt(moment)[-4:] == ("AEDT" if (month == 10) == (minutes >= 0) else "AEST")


@given(st.integers(0, 33 * 365 * 86_400))
def test_any_moment_comes_back_the_same(seconds: int) -> None:
    moment = datetime(2008, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert to_utc(to_aedt(moment)) == moment


@pytest.mark.parametrize("convert", [to_utc, to_aedt, format_aedt])
def test_a_naive_datetime_is_an_error_that_names_the_remedy(convert: object) -> None:
    with pytest.raises(NoSuchMoment, match="has no time zone: attach one"):
        convert(datetime(2026, 11, 25, 7, 16))  # type: ignore[operator]  # noqa: DTZ001


def test_now_is_aware_and_in_utc() -> None:
    assert utc_now().tzinfo is UTC


def test_a_moment_of_another_zone_reads_as_melbourne_does() -> None:
    moment = datetime(2026, 11, 24, 12, 16, 40, tzinfo=timezone(timedelta(hours=-8)))
    assert format_aedt(moment) == "2026-11-25 07:16:40 AEDT"
