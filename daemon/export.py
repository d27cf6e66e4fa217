"""Export: what a filter shows, oldest first, as JSON Lines or CSV; written page by page, whatever its size."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from monitoring.wire import StoredEvent

COLUMNS = ("seq", "at", "source", "kind", "name", "direction", "outcome", "error_type", "duration_ns", "size_bytes",
           "trace_id", "weight", "attributes")  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_encode = msgspec.json.Encoder().encode


def json_lines(events: Iterable[StoredEvent]) -> bytes:
    """A line an event, with the names of the API."""
    return b"".join([_encode(event) + b"\n" for event in events])


def csv_head() -> bytes:
    """The first line."""
    return _csv([COLUMNS])


def csv_rows(events: Iterable[StoredEvent]) -> bytes:
    """A row an event; attributes are JSON."""
    return _csv(_row(event) for event in events)


def writer_of(wanted: str) -> tuple[bytes, Callable[[Iterable[StoredEvent]], bytes], str]:
    """The head, how a page is written, and the media type."""
    if wanted == "csv":
        return csv_head(), csv_rows, "text/csv"
    return b"", json_lines, "application/x-ndjson"


def _row(event: StoredEvent) -> Iterator[str]:
    for name in COLUMNS:
        if name == "at":
            yield datetime.fromtimestamp(event.at_us / 1_000_000, UTC).isoformat(timespec="microseconds")
        elif name == "attributes":
            yield _encode(event.attributes).decode() if event.attributes else ""
        else:
            value = getattr(event, name)
            yield harmless(value) if isinstance(value, str) else "" if value is None else str(value)


def harmless(text: str) -> str:
    """A cell that a spreadsheet would take for a formula is marked as text (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue().encode("utf-8", "replace")
