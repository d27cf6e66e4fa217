"""What only PostgreSQL 18 has: named and unvalidated NOT NULL, constraints not enforced, virtual columns, periods."""

from collections.abc import Callable

import pytest

from pipelines.core.schema import Schema, Table, TableName
from pipelines.database.introspection import read_schema
from tests.databases import Database

SCRIPT = """
CREATE TABLE stay (
    room int4range NOT NULL, during daterange, note text, size integer,
    doubled integer GENERATED ALWAYS AS (size * 2) VIRTUAL,
    CONSTRAINT "Note!" NOT NULL note,
    PRIMARY KEY (room, during WITHOUT OVERLAPS)
);
CREATE TABLE visit (
    room int4range, during daterange,
    CONSTRAINT within FOREIGN KEY (room, PERIOD during) REFERENCES stay (room, PERIOD during)
);
CREATE TABLE loose (
    a integer CONSTRAINT positive CHECK (a > 0) NOT ENFORCED, b integer UNIQUE,
    c integer UNIQUE NOT NULL
);
ALTER TABLE loose ADD CONSTRAINT b_there NOT NULL b NOT VALID;
"""


@pytest.fixture
def schema(new_database: Callable[..., Database]) -> Schema:
    """The tables as they are read."""
    with new_database(SCRIPT).connect() as connection:
        return read_schema(connection, [TableName("public", "stay"), TableName("public", "loose")])


@pytest.fixture
def loose(schema: Schema) -> Table:
    """A table with lax rules."""
    return schema[TableName("public", "loose")]


def test_not_null_constraints_have_names_and_are_not_listed_twice(schema: Schema) -> None:
    stay = schema[TableName("public", "stay")]
    names = {column.name: column.not_null_constraint for column in stay.columns}
    assert names == {
        "room": "stay_room_not_null",
        "during": "stay_during_not_null",
        "note": "Note!",
        "size": None,
        "doubled": None,
    }
    assert [constraint.name for constraint in stay.constraints] == ["stay_pkey"]


def test_a_not_null_that_old_rows_may_break_makes_no_key(loose: Table) -> None:
    assert (loose["b"].not_null, loose["b"].not_null_validated) == (True, False)
    assert loose.not_null_unique_keys == (("c",),)


def test_a_constraint_that_is_not_enforced_says_so(loose: Table) -> None:
    assert {c.name: c.enforced for c in loose.constraints}["positive"] is False


def test_a_virtual_column_is_generated_when_read(schema: Schema) -> None:
    doubled = schema[TableName("public", "stay")]["doubled"]
    assert (doubled.generated, doubled.virtual, doubled.generation) == (True, True, "(size * 2)")
    assert doubled.generated_from == ("size",)


def test_keys_over_periods_are_marked(schema: Schema) -> None:
    [within] = schema.inbound_of(TableName("public", "stay"))
    assert within.temporal
    assert schema[TableName("public", "stay")].constraints[0].temporal
    assert not any(c.temporal for c in schema[TableName("public", "loose")].constraints)
