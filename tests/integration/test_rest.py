"""`rest:` with a path, or a whole json column: beside other rules, unless one of them has the place of a column."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.databases import Database
from tests.dump import dump
from tests.folding import Folding, spec_text
from tests.planning import plan_of, told

NewDatabase = Callable[..., Database]

TABLES = """
CREATE TABLE things (id int PRIMARY KEY, metadata {type});
INSERT INTO things VALUES (1, '{{"mine": true}}');
CREATE TABLE a (id int PRIMARY KEY, origin text, size int, "a.b" text);
INSERT INTO a VALUES (11, 'here', 3, 'x'), (12, NULL, NULL, NULL);
"""
SOURCE = """
table: a
columns: {id: id, origin: metadata.source_system}
rest: metadata
set: {metadata.deep.by: pgfold}
"""


@pytest.mark.parametrize("type", ["json", "jsonb"])
def test_the_rest_stands_in_a_column_beside_other_rules(new_database: NewDatabase, type: str) -> None:
    database = new_database(TABLES.format(type=type))
    before = dump(database)
    folding = Folding(database, spec_text("things", SOURCE))
    folding.fold()
    assert database.rows("SELECT metadata::jsonb FROM things WHERE id = 11") == [
        ({"source_system": "here", "size": 3, "a.b": "x", "deep": {"by": "pgfold"}},)
    ]
    folding.unfold()
    assert dump(database) == before


@pytest.mark.parametrize("taken", ["metadata.size", "metadata.size.of"])
def test_a_column_of_the_rest_whose_place_is_taken_is_refused(new_database: NewDatabase, taken: str) -> None:
    database = new_database(TABLES.format(type="jsonb"))
    text = f"target: things\nsources:\n  - table: a\n    columns: {{id: id, origin: {taken}}}\n    rest: metadata\n"
    assert told(plan_of(database, text)) == [
        f"7: column 'size' of public.a would go to metadata.size, where {taken} is written already"
    ]


def test_the_place_of_a_rest_must_be_there_though_no_column_goes_there(new_database: NewDatabase) -> None:
    database = new_database(TABLES.format(type="jsonb"))
    columns = "{id: id, origin: metadata.o, size: metadata.s, a.b: metadata.b}"
    text = f"target: things\nsources:\n  - table: a\n    columns: {columns}\n    rest: nowhere.at.all\n"
    assert told(plan_of(database, text)) == ["7: rest: public.things has no column 'nowhere'"]
