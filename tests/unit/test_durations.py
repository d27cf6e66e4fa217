"""Durations are a number and a unit, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("7d", timedelta(days=7)),
        ("300ms", timedelta(milliseconds=300)),
        ("60s", timedelta(minutes=1)),
        ("1.5h", timedelta(minutes=90)),
        ("2 w", timedelta(days=14)),
        ("5m", timedelta(minutes=5)),
        ("0s", timedelta()),
    ],
)
def test_a_duration_is_read(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "7", "d", "7 days", "-7d", "1e3s", "7d12h", "٧d", "99999999999999d"])
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration: write"):
        parse_duration(text)


@given(st.integers(0, 10**12).map(lambda count: timedelta(milliseconds=count)))
def test_what_is_written_reads_the_same(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration
