"""Settings: what the environment says, read once where the daemon begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from daemon.errors import SettingsError

T = TypeVar("T")

_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_UNITS_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_SHORTEST_AGE_S = 60
_LONGEST_PERIOD_S = 60
_SMALLEST_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Settings:
    """A port is None where its server is disabled and 0 where any free one will do; folders are absolute."""

    bind_address: str
    ws_port: int
    monitoring_port: int | None
    health_port: int | None
    metrics_port: int | None
    monitor_token: str | None = field(repr=False)
    ingest_token: str | None = field(repr=False)
    origins: frozenset[str]
    health_period_s: int
    history: Path
    history_max_age_s: int
    history_max_bytes: int
    database_url: str | None = field(repr=False)
    tracking_schema: str
    redis_url: str | None = field(repr=False)
    backups: Path
    dagster_url: str | None
    expected_sources: tuple[str, ...]
    time_zone: str
    dashboard: Path


def read_settings(environment: Mapping[str, str], folder: Path) -> Settings:
    """From the environment; relative folders lie in PGFOLD_HOME, or `folder` without one.

    Raises:
        SettingsError: naming every setting that cannot be.
    """
    home = Path(environment.get("PGFOLD_HOME") or folder).absolute()
    reader = _Reader(environment)
    settings = Settings(
        bind_address=environment.get("BIND_ADDRESS") or "127.0.0.1",
        ws_port=reader.read("WS_PORT", "8079", _port),
        monitoring_port=reader.port("MONITORING", "MONITORING_PORT", "8080"),
        health_port=reader.port("HEALTH_CHECK", "HEALTH_CHECK_PORT", "8081"),
        metrics_port=reader.port("METRICS", "METRICS_PORT", "8000"),
        monitor_token=environment.get("MONITOR_TOKEN") or None,
        ingest_token=environment.get("INGEST_TOKEN") or None,
        origins=frozenset(_words(environment.get("MONITOR_ORIGINS", ""))),
        health_period_s=reader.read("HEALTH_CHECK_PERIOD", "5s", _period),
        history=home / (environment.get("HISTORY") or ".pgfold/history.sqlite"),
        history_max_age_s=reader.read("HISTORY_MAX_AGE", "7d", _age),
        history_max_bytes=reader.read("HISTORY_MAX_BYTES", "2GiB", _size),
        database_url=environment.get("DATABASE_URL") or None,
        tracking_schema=environment.get("TRACKING_SCHEMA") or "public",
        redis_url=environment.get("REDIS_URL") or None,
        backups=home / (environment.get("BACKUPS") or "backups"),
        dagster_url=environment.get("DAGSTER_URL") or None,
        expected_sources=tuple(_words(environment.get("EXPECTED_SOURCES", ""))),
        time_zone=reader.read("TIME_ZONE", "Australia/Melbourne", _zone),
        dashboard=Path(environment.get("DASHBOARD") or Path(__file__).parent.parent / "dashboard").absolute(),
    )
    reader.raise_mistakes()
    return settings


def describe(settings: Settings) -> Iterator[str]:
    """A line a setting, as they are printed at the start; a secret is said to be set or not, never shown."""
    for name in Settings.__dataclass_fields__:
        yield f"{name.upper()}={_shown(name, getattr(settings, name))}"


def _shown(name: str, value: object) -> str:
    if name.endswith("_token"):
        return "set" if value else "not set"
    if value is None:
        return "off" if name.endswith("_port") else "not set"
    if name.endswith("_url"):
        return without_password(str(value))
    if isinstance(value, (tuple, frozenset)):
        return ",".join(sorted(value)) or "none"
    return str(value)


def without_password(url: str) -> str:
    """Where a URL leads, without who and with what: `postgresql://db.example.org:5432/app`."""
    try:
        parts = urlsplit(url)
        place = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return "set, and no URL"
    return f"{parts.scheme}://{place}{parts.path}" if parts.scheme else "set"


class _Reader:
    """Reads one setting after another and gathers what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._mistakes: list[str] = []

    def read(self, name: str, otherwise: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(self._environment.get(name) or otherwise)
        except ValueError as error:
            self._mistakes.append(f"{name}={self._environment.get(name)!r}: {error}")
            return parse(otherwise)

    def port(self, switch: str, name: str, otherwise: str) -> int | None:
        """None where `switch`_ENABLED says no."""
        port = self.read(name, otherwise, _port)
        return port if self.read(f"{switch}_ENABLED", "true", _truth) else None

    def raise_mistakes(self) -> None:
        if self._mistakes:
            raise SettingsError("\n".join(self._mistakes))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise ValueError("a port is a number from 0 (any free one) to 65535")
    return int(text)


def _truth(text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise ValueError("say true or false")
    return text.lower() in _YES


def _age(text: str) -> int:
    age_s = _measure(text, _UNITS_S, "an age is a number with s, m, h, d or w, as 7d")
    if age_s < _SHORTEST_AGE_S:
        raise ValueError(f"a history is kept for at least {_SHORTEST_AGE_S} s")
    return age_s


def _period(text: str) -> int:
    period_s = _measure(text, _UNITS_S, "a period is a number with s, m, h or d, as 5s")
    if not 1 <= period_s <= _LONGEST_PERIOD_S:
        raise ValueError(f"components are looked at every second at most, and every {_LONGEST_PERIOD_S} s at least")
    return period_s


def _size(text: str) -> int:
    size_bytes = _measure(text, _UNITS_BYTES, "a size is a number with KB, MB, GB, KiB, MiB or GiB, as 2GiB")
    if size_bytes < _SMALLEST_BYTES:
        raise ValueError("a history needs at least 4MiB")
    return size_bytes


def _measure(text: str, units: Mapping[str, int], expected: str) -> int:
    found = re.fullmatch(r"(\d{1,15})\s*([a-z]*)", text.strip().lower(), re.ASCII)
    if found is None or found[2] not in units:
        raise ValueError(expected)
    return int(found[1]) * units[found[2]]


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone: take a name as Australia/Melbourne") from None
    return text


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
