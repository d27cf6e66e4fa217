"""What a fold recorded comes back equal, whatever the catalog held."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from itertools import count
from types import MappingProxyType, NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.recorded import Recorded, from_json, to_json
from pipelines.core.schema import Column, ColumnType, Schema, Table, TableKind, TableName


def filled(kind: Any, numbers: Iterator[int]) -> Any:
    """A value of that type in which nothing is left at its default, and no two numbers or texts are the same."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return filled(arguments[0], numbers)
    if origin is tuple:
        return tuple(filled(arguments[0], numbers) for _ in range(2))
    if origin is Mapping:
        return {filled(arguments[0], numbers): filled(arguments[1], numbers) for _ in range(2)}
    if NoneType in arguments:
        return filled(next(a for a in arguments if a is not NoneType), numbers)
    return filled_plain(kind, numbers)


def filled_plain(kind: Any, numbers: Iterator[int]) -> Any:
    if is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        return kind(**{field.name: filled(hints[field.name], numbers) for field in fields(kind)})  # type: ignore[operator]
    if issubclass(kind, Enum):
        return list(kind)[-1]
    if kind is bool:
        return bool(next(numbers) % 2)
    return kind(next(numbers))


def test_every_field_of_the_catalog_comes_back_equal() -> None:
    recorded: Recorded = filled(Recorded, count(1))
    # a table is found by the name it bears
    named = replace(recorded.schema, tables={table.name: table for table in recorded.schema.tables.values()})
    recorded = replace(recorded, schema=named)
    assert from_json(to_json(recorded)) == recorded


@given(st.lists(st.builds(TableName, st.text(), st.text()), unique=True, max_size=4), st.text())
def test_any_name_and_text_comes_back_equal(names: list[TableName], text: str) -> None:
    type_ = ColumnType(text, 25, "S", "b")
    tables = {name: Table(name, 1, TableKind.TABLE, (Column(text, type_, 1, comment=text),)) for name in names}
    recorded = Recorded("issues", text, Schema(tables), {text: type_})
    assert from_json(to_json(recorded)) == recorded


def test_read_only_mappings_come_back_equal() -> None:
    table: Table = filled(Table, count(1))
    types = MappingProxyType({column.name: column.type for column in table.columns})
    recorded = Recorded("issues", "target: public.t\n", Schema(MappingProxyType({table.name: table})), types)
    assert from_json(to_json(recorded)) == recorded
