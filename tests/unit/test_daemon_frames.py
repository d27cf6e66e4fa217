"""Frames of any shape: a batch is read or refused with a sentence, and nothing else ever happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.admission import AHEAD_US, Window, admit
from daemon.errors import MessageRefused
from daemon.event_rows import encode_stored, from_row, to_rows
from daemon.export import csv_rows, harmless
from daemon.ingest_frames import read_frame
from monitoring.wire import ATTRIBUTES, KEY_LENGTH, KIND_LENGTH, NAME_LENGTH, VALUE_LENGTH, Batch, Event, StoredEvent

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=20,
)
FIELDS = [
    "at_us",
    "name",
    "kind",
    "direction",
    "outcome",
    "duration_ns",
    "size_bytes",
    "trace_id",
    "weight",
    "attributes",
]
EVENTS = st.dictionaries(st.sampled_from([*FIELDS, "flavour"]), JSON, max_size=8)
PLAIN: dict[str, Any] = {"at_us": 1000, "name": "n", "kind": "k"}
WINDOW = Window(0, 10**16 + AHEAD_US)


@settings(max_examples=50)
@given(st.lists(EVENTS.map(lambda change: {**PLAIN, **change}), max_size=5), st.booleans())
@example([{**PLAIN, "attributes": {"a": "\ud800"}}], True)
@example([{**PLAIN, "name": "\x00"}], False)
def test_each_event_of_a_batch_is_kept_as_it_is_told_or_counted_as_refused(events: list[Any], ascii_only: bool) -> None:
    text = json.dumps(
        {"type": "batch", "number": 1, "recorded": len(events), "events": events}, ensure_ascii=ascii_only
    )
    try:
        frame = read_frame(text.encode("utf-8", "surrogatepass"))
    except MessageRefused:
        return  # NaN or a lone surrogate: no JSON at all
    assert isinstance(frame.message, Batch)
    admitted = admit(frame.message.events, WINDOW)
    refused_events = admitted.refused.total() + sum(frame.unreadable.values())
    assert len(admitted.events) + refused_events == len(events)
    assert (refused_events > 0) == bool(frame.reason or admitted.reason)
    for event in admitted.events:
        assert_bounded(event)
    json.loads(b"[" + b",".join(encode_stored("api", 1, admitted.events)) + b"]")
    csv_rows(StoredEvent(seq=1, source="s", at_us=e.at_us, name=e.name, kind=e.kind) for e in admitted.events)


def assert_bounded(event: Event) -> None:
    attributes = event.attributes or {}
    assert len(event.name) <= NAME_LENGTH
    assert len(event.kind) <= KIND_LENGTH
    assert len(attributes) <= ATTRIBUTES
    assert all(len(key) <= KEY_LENGTH for key in attributes)
    assert all(len(value) <= VALUE_LENGTH for value in attributes.values() if isinstance(value, str))


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_what_is_no_message_is_refused_with_a_sentence(frame: bytes | str) -> None:
    with pytest.raises(MessageRefused, match=r".{10,}"):
        read_frame(frame)


def test_an_unknown_field_is_ignored_and_noticed() -> None:
    for extra in ({"flavour": 1}, {"events": [{**PLAIN, "flavour": 1}]}):
        frame = read_frame(json.dumps({"type": "batch", "number": 1, "recorded": 1, "events": [PLAIN], **extra}))
        assert frame.unknown_fields
        assert isinstance(frame.message, Batch)
        assert len(frame.message.events) == 1
    assert not read_frame(json.dumps({"type": "batch", "number": 1, "recorded": 1, "events": [PLAIN]})).unknown_fields


def test_an_event_comes_back_from_its_row_as_it_went_in() -> None:
    event = Event(at_us=5, name="n", kind="k", direction="in", outcome="error", error_type="E", duration_ns=7,
                  size_bytes=0,
                  trace_id="ab" * 16, weight=3, attributes={"a": "ß", "b": 1, "c": 2.5, "d": True})  # fmt: skip
    (row,) = to_rows(1, 9, [event])
    seq, at_us, _, *rest = row
    kind, name, *others = rest
    back = from_row((seq, at_us, "api-1", kind, name, *others))
    assert back == StoredEvent(
        seq=9, source="api-1", **{name: getattr(event, name) for name in event.__struct_fields__}
    )
    assert json.loads(encode_stored("api-1", 9, [event])[0])["seq"] == 9


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_is_never_a_formula(text: str) -> None:
    assert harmless(text) == "'" + text
    assert harmless("plain") == "plain"
