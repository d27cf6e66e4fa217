"""The settings of a process, read from the environment once; a mistaken one is logged and its default used."""

from __future__ import annotations

import getpass
import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from pathlib import Path
from typing import TypeVar

logger = logging.getLogger("monitoring")

T = TypeVar("T")

_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class Rule(Enum):
    """What a call site is, as sampling sees it."""

    ALL = auto()
    """Connections, calls to others, authentication, configuration, writes, locks, rejections."""
    READ = auto()
    """Reads of a database."""
    MESSAGE = auto()
    """Messages of a WebSocket."""
    LOOKUP = auto()
    """Redis get and set, and other look-ups of single keys."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One operation in `every` is recorded; one that took `slow_s` or longer always is."""

    every: int
    slow_s: float


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says; the names of the variables stand beside."""

    enabled: bool = True  # MONITORING_ENABLED
    ingest_url: str = "ws://127.0.0.1:8079/ingest"  # MONITORING_INGEST, else from WS_PORT
    ingest_token: str | None = field(default=None, repr=False)  # INGEST_TOKEN
    instance: str | None = None  # MONITORING_INSTANCE
    spool: Path = Path()  # MONITORING_SPOOL
    ring_events: int = 65_536  # MONITORING_RING_EVENTS
    read_every: int = 5  # MONITORING_READ_EVERY
    message_every: int = 10  # MONITORING_MESSAGE_EVERY
    lookup_every: int = 10  # MONITORING_LOOKUP_EVERY
    read_slow_ms: int = 500  # MONITORING_READ_SLOW_MS
    message_slow_ms: int = 1_000  # MONITORING_MESSAGE_SLOW_MS
    lookup_slow_ms: int = 100  # MONITORING_LOOKUP_SLOW_MS

    def rate(self, rule: Rule) -> Rate:
        """How often operations of this rule are recorded."""
        match rule:
            case Rule.ALL:
                return Rate(1, 0.0)
            case Rule.READ:
                return Rate(self.read_every, self.read_slow_ms / 1000)
            case Rule.MESSAGE:
                return Rate(self.message_every, self.message_slow_ms / 1000)
            case Rule.LOOKUP:
                return Rate(self.lookup_every, self.lookup_slow_ms / 1000)


_DEFAULT = Settings()


@cache
def settings() -> Settings:
    """The process's settings, read at the first call."""
    return read_settings(os.environ)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in an environment."""
    reader = _Reader(environment)
    return Settings(
        enabled=reader.read("MONITORING_ENABLED", _as_bool, True),
        ingest_url=reader.read("MONITORING_INGEST", str, f"ws://127.0.0.1:{reader.count('WS_PORT', 8079)}/ingest"),
        ingest_token=reader.read("INGEST_TOKEN", str, None),
        instance=reader.read("MONITORING_INSTANCE", str, None),
        spool=reader.read("MONITORING_SPOOL", Path, default_spool()),
        ring_events=reader.count("MONITORING_RING_EVENTS", _DEFAULT.ring_events),
        read_every=reader.count("MONITORING_READ_EVERY", _DEFAULT.read_every),
        message_every=reader.count("MONITORING_MESSAGE_EVERY", _DEFAULT.message_every),
        lookup_every=reader.count("MONITORING_LOOKUP_EVERY", _DEFAULT.lookup_every),
        read_slow_ms=reader.count("MONITORING_READ_SLOW_MS", _DEFAULT.read_slow_ms),
        message_slow_ms=reader.count("MONITORING_MESSAGE_SLOW_MS", _DEFAULT.message_slow_ms),
        lookup_slow_ms=reader.count("MONITORING_LOOKUP_SLOW_MS", _DEFAULT.lookup_slow_ms),
    )


def default_spool() -> Path:
    """A folder of the temporary directory, one an account."""
    return Path(tempfile.gettempdir()) / f"pgfold-monitoring-{_account()}"


def _account() -> str:
    if hasattr(os, "getuid"):
        return str(os.getuid())
    return getpass.getuser()


@dataclass(frozen=True, slots=True)
class _Reader:
    environment: Mapping[str, str]

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        text = self.environment.get(name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            logger.warning("%s=%s: %s: %s is used", name, text, error, default)
            return default

    def count(self, name: str, default: int) -> int:
        return self.read(name, _as_count, default)


def _as_bool(text: str) -> bool:
    try:
        return _WORDS[text.lower()]
    except KeyError:
        raise ValueError("write true or false") from None


def _as_count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError("write a whole number above 0")
    return int(text)
