"""What a fold writes down, so that it can be undone when the spec, the code and the catalog have moved on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter

from pipelines.core.schema import ColumnType, FunctionFacts, Schema, Table, TableName


def _with_table_list(schema: Schema) -> dict[str, Any]:
    """A JSON object's keys are strings, and a table's name is not one: the tables are written as a list."""
    written = {field.name: getattr(schema, field.name) for field in fields(schema)}
    return {**written, "tables": list(schema.tables.values())}


def _with_table_names(written: Any) -> Any:
    """The list as a mapping again, by the names that the tables bear."""
    if not isinstance(written, dict) or not isinstance(written.get("tables"), list):
        return written
    tables = [_adapter(Table).validate_python(table) for table in written["tables"]]
    return {**written, "tables": {table.name: table for table in tables}}


WrittenSchema = Annotated[Schema, PlainSerializer(_with_table_list), BeforeValidator(_with_table_names)]


@dataclass(frozen=True, slots=True)
class SequenceState:
    """A sequence's position at one moment, and the rows that had later values then: how many, and their sum."""

    name: TableName
    last_value: int
    is_called: bool
    rows_beyond: int = 0
    sum_beyond: str = "0"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The spec as it was run, and the catalog as it was before anything changed.

    `sequences_before` is from before the first drawn value, `sequences_after` from the cut-over's transaction.
    """

    spec_name: str
    spec_text: str
    schema: WrittenSchema
    added_types: Annotated[Mapping[str, ColumnType], PlainSerializer(dict)]  # any Mapping, read-only ones too
    sequences_before: tuple[SequenceState, ...] = ()
    sequences_after: tuple[SequenceState, ...] = ()
    added_columns: tuple[str, ...] = ()
    dropped_not_null: tuple[str, ...] = ()
    drawn: tuple[str, ...] = ()  # added columns whose default is volatile
    functions: tuple[FunctionFacts, ...] = ()  # those that the spec's expressions call


def to_json(recorded: Recorded) -> str:
    """As JSON text, for the ledger and the manifest."""
    return _adapter(Recorded).dump_json(recorded).decode()


def from_json(text: str) -> Recorded:
    """From `to_json`'s text."""
    read: Recorded = _adapter(Recorded).validate_json(text)
    return read


@cache
def _adapter(of: Any) -> TypeAdapter[Any]:
    return TypeAdapter(of)
