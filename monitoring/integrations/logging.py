"""Python's logging: each record has `correlation_id`, and each line ends with it.

from monitoring.integrations.logging import monitor_logging

monitor_logging()
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from monitoring.correlation import current_trace_id
from monitoring.integrations.patches import Patches, Undo
from monitoring.settings import settings

PATCHES = Patches()

NONE = "-"
"""The correlation id of a line outside of any request."""


def monitor_logging(*, append: bool = True) -> Undo:
    """Give each log record its `correlation_id`; returns what ends it.

    Lines whose format does not place it end with it; `append=False` leaves them as they are.
    """
    if not settings().enabled or PATCHES.installed:
        return PATCHES.undo
    original = logging.getLogRecordFactory()

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = original(*args, **kwargs)
        record.correlation_id = current_trace_id() or NONE
        return record

    logging.setLogRecordFactory(make)
    PATCHES.also(lambda: logging.setLogRecordFactory(original))
    if append:
        PATCHES.replace(logging.Formatter, "formatMessage", _appending)
    return PATCHES.undo


def _appending(format_message: Callable[..., str]) -> Callable[..., str]:
    def run(formatter: logging.Formatter, record: logging.LogRecord) -> str:
        line = format_message(formatter, record)
        trace_id = getattr(record, "correlation_id", NONE)
        placed = "correlation_id" in (formatter._fmt or "")
        return line if placed or trace_id == NONE else f"{line} correlation_id={trace_id}"

    return run
