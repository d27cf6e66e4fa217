"""Durations as people write them: `7d`, `12h`, `5m`, `60s`, `300ms`."""

from __future__ import annotations

import re
from datetime import timedelta

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|w)", re.ASCII)
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def parse_duration(text: str) -> timedelta:
    """Read one number and its unit.

    Raises:
        ValueError: no number, no unit, or longer than a timedelta holds.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'"{text}" is not a duration: write a number and ms, s, m, h, d or w, as in 300ms or 7d')
    try:
        return float(match[1]) * _UNITS[match[2]]
    except OverflowError:
        raise ValueError(f'"{text}" is too long for a duration: write at most 999999999d') from None


def format_duration(duration: timedelta) -> str:
    """Write it in the greatest unit that divides it, so that `parse_duration` reads the same; below 1 ms, in ms."""
    for unit in ("w", "d", "h", "m", "s"):
        if duration and not duration % _UNITS[unit]:
            return f"{duration // _UNITS[unit]}{unit}"
    return f"{duration / _UNITS['ms']:.15g}ms"
