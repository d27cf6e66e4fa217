"""What a fold writes down, so that it can be undone when the spec, the code and the catalog have moved on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from pipelines.core.schema import ColumnType, Schema, TableName


@dataclass(frozen=True, slots=True)
class SequenceState:
    """A sequence's position at one moment."""

    name: TableName
    last_value: int
    is_called: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """The spec as it was run, and the catalog as it was before anything changed.

    `sequences_before` is from before the first drawn value, `sequences_after` from the cut-over's transaction.
    """

    spec_name: str
    spec_text: str
    schema: Schema
    added_types: Mapping[str, ColumnType]
    sequences_before: tuple[SequenceState, ...] = ()
    sequences_after: tuple[SequenceState, ...] = ()
    added_columns: tuple[str, ...] = ()
    dropped_not_null: tuple[str, ...] = ()


_ADAPTER = TypeAdapter(Recorded)


def to_json(recorded: Recorded) -> str:
    """As JSON text, for the ledger and the manifest."""
    return _ADAPTER.dump_json(recorded).decode()


def from_json(text: str) -> Recorded:
    """From `to_json`'s text."""
    return _ADAPTER.validate_json(text)
