"""Event rows: events as the history's table holds them, and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from monitoring.wire import Direction, Event, Outcome, StoredEvent, Value

_encode = msgspec.json.Encoder().encode
_read_attributes = msgspec.json.Decoder(dict[str, Value]).decode

Row = tuple[Any, ...]


def to_rows(source: int, first_seq: int, events: list[Event]) -> Iterator[Row]:
    """In the order of the table's columns."""
    for seq, event in enumerate(events, start=first_seq):
        yield (
            seq,
            event.at_us,
            source,
            event.kind,
            event.name,
            event.direction,
            event.outcome,
            event.error_type,
            event.duration_ns,
            event.size_bytes,
            None if event.trace_id is None else bytes.fromhex(event.trace_id),
            event.weight,
            _encode(event.attributes).decode() if event.attributes else None,
        )


def from_row(row: Row) -> StoredEvent:
    """From a row of the statements `range` and `range_back`."""
    (
        seq,
        at_us,
        source,
        kind,
        name,
        direction,
        outcome,
        error_type,
        duration_ns,
        size_bytes,
        trace,
        weight,
        attributes,
    ) = row
    return StoredEvent(
        seq=seq,
        at_us=at_us,
        source=source,
        kind=kind,
        name=name,
        direction=cast(Direction, direction),
        outcome=cast(Outcome, outcome),
        error_type=error_type,
        duration_ns=duration_ns,
        size_bytes=size_bytes,
        trace_id=trace.hex() if trace else None,
        weight=weight,
        attributes=_read_attributes(attributes) if attributes else None,
    )


def encode_stored(label: str, first_seq: int, events: list[Event]) -> list[bytes]:
    """Each as the JSON of a StoredEvent: the event's own with its number and its source added at the end."""
    ending = b',"source":' + _encode(label) + b"}"
    return [_encode(event)[:-1] + b',"seq":%d' % seq + ending for seq, event in enumerate(events, start=first_seq)]
