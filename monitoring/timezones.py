"""Moments and how people in Melbourne read them; a datetime without a zone is an error, never a guess."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

MELBOURNE = ZoneInfo("Australia/Melbourne")


class NoSuchMoment(ValueError):
    """The datetime names no moment: it has no zone, or its zone's clocks skipped it."""


def utc_now() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def to_utc(moment: datetime) -> datetime:
    """The same moment in UTC; of a repeated hour `fold` says which.

    Raises:
        NoSuchMoment: `moment` has no zone, or lies in the hour that its zone skips in spring.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise NoSuchMoment(f"{moment.isoformat()} has no time zone: attach one, for example tzinfo=UTC")
    utc = moment.astimezone(UTC)
    if utc.astimezone(moment.tzinfo).replace(tzinfo=None, fold=0) != moment.replace(tzinfo=None, fold=0):
        raise NoSuchMoment(f"{moment.isoformat()} does not exist: clocks of {moment.tzinfo} skip it")
    return utc


def to_aedt(moment: datetime) -> datetime:
    """The same moment as a clock in Melbourne shows it, in AEST or AEDT as is true then.

    Raises:
        NoSuchMoment: as for `to_utc`.
    """
    return to_utc(moment).astimezone(MELBOURNE)


def format_aedt(moment: datetime) -> str:
    """The moment as text, for example `2026-11-25 07:16:40 AEDT`.

    Raises:
        NoSuchMoment: as for `to_utc`.
    """
    return to_aedt(moment).strftime("%Y-%m-%d %H:%M:%S %Z")
