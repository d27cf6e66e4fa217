"""Ingest frames: reading what a process sends. A wrong event is refused alone; an unknown field is counted."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from daemon.errors import MessageRefused
from monitoring.wire import BATCH_EVENTS, TYPE, Batch, Event, IngestHello, Lost, ToIngest

_LARGEST = 2**62


class _StrictEvent(Event, kw_only=True, omit_defaults=True, gc=False, forbid_unknown_fields=True):
    pass


class _StrictBatch(msgspec.Struct, kw_only=True, tag_field=TYPE, tag="batch", forbid_unknown_fields=True):
    number: int
    recorded: int
    dropped: dict[str, int] = {}
    events: list[_StrictEvent] = []


class _RawBatch(msgspec.Struct, kw_only=True, tag_field=TYPE, tag="batch"):
    number: int
    recorded: int
    dropped: dict[str, int] = {}
    events: list[msgspec.Raw] = []


_read_strictly = msgspec.json.Decoder(IngestHello | _StrictBatch | Lost).decode
_read = msgspec.json.Decoder(ToIngest).decode
_read_raw = msgspec.json.Decoder(_RawBatch).decode
_read_event = msgspec.json.Decoder(Event).decode


@dataclass(frozen=True, slots=True)
class Frame:
    """A message, and of a batch's events how many by kind could not be read, with the first reason."""

    message: IngestHello | Batch | Lost
    unknown_fields: bool = False
    unreadable: dict[str, int] = field(default_factory=dict)
    reason: str | None = None


def read_frame(text: str | bytes) -> Frame:
    """Raises:
    MessageRefused: it is no message of the protocol.
    """
    try:
        message = _read_strictly(text)
    except msgspec.DecodeError:
        frame = _read_patiently(text)
    else:
        if isinstance(message, _StrictBatch):
            events: list[Event] = list(message.events)
            message = Batch(number=message.number, recorded=message.recorded, dropped=message.dropped, events=events)
        frame = Frame(message)
    if isinstance(frame.message, Batch):
        _check_numbers(frame.message, frame.unreadable)
    return frame


def _read_patiently(text: str | bytes) -> Frame:
    try:
        return Frame(_read(text), unknown_fields=True)
    except msgspec.ValidationError as error:
        return _read_one_by_one(text, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageRefused(f"the message is not JSON: {error}") from error


def _read_one_by_one(text: str | bytes, error: msgspec.ValidationError) -> Frame:
    try:
        raw = _read_raw(text)
    except msgspec.DecodeError:
        raise MessageRefused(f"the message is not of protocol 1: {error}") from error
    events: list[Event] = []
    unreadable: dict[str, int] = {}
    reason: str | None = None
    for piece in raw.events:
        try:
            events.append(_read_event(piece))
        except msgspec.DecodeError as wrong:
            unreadable["unreadable"] = unreadable.get("unreadable", 0) + 1
            reason = reason or f"an event is not of protocol 1: {wrong}"
    batch = Batch(number=raw.number, recorded=raw.recorded, dropped=raw.dropped, events=events)
    return Frame(batch, unreadable=unreadable, reason=reason)


def _check_numbers(batch: Batch, unreadable: dict[str, int]) -> None:
    if not 0 < batch.number < _LARGEST or not 0 <= batch.recorded < _LARGEST:
        raise MessageRefused("a batch's number begins at 1, and recorded at 0")
    if any(not 0 <= count < _LARGEST for count in batch.dropped.values()):
        raise MessageRefused("dropped counts events, and none is negative")
    events = len(batch.events) + sum(unreadable.values())
    if events > BATCH_EVENTS:
        raise MessageRefused(f"the batch has {events} events: send at most {BATCH_EVENTS} at once")
