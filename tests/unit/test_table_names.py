"""A table's name in a message can be pasted into SQL and into a spec."""

from __future__ import annotations

import pytest

from pipelines.core.schema import TableName


@pytest.mark.parametrize(
    ("schema", "name", "text"),
    [
        ("public", "t_1", "public.t_1"),
        ("_a", "_", "_a._"),
        ("S 2", "People", '"S 2"."People"'),
        ("Help Dësk ☃", 'Old"Tickets%', '"Help Dësk ☃"."Old""Tickets%"'),
        ("public", "1st", 'public."1st"'),
        ("public", "a.b", 'public."a.b"'),
        ("public", "ä", 'public."ä"'),
        ("public", "a$", 'public."a$"'),
    ],
)
def test_parts_are_quoted_where_they_must_be(schema: str, name: str, text: str) -> None:
    table = TableName(schema, name)
    assert str(table) == text
    assert TableName.parse(text) == table
