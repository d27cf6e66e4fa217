"""Keys that only the spec declares: nothing in the database keeps them, so a value may have no row to follow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.core.errors import RuleViolated
from tests.cutting import staged
from tests.databases import Database
from tests.folding import spec_text
from tests.planning import plan_of, told

NewDatabase = Callable[..., Database]

TABLES = """
CREATE TABLE things (id {key} PRIMARY KEY DEFAULT {default}, name text);
CREATE SEQUENCE ids START 500;
CREATE TABLE a (id int PRIMARY KEY, name text);
INSERT INTO a SELECT g, 'a' || g FROM generate_series(1, 20) g;
CREATE TABLE stores (id int PRIMARY KEY, manager int);
INSERT INTO stores SELECT g, g FROM generate_series(1, 20) g;
INSERT INTO stores VALUES (21, NULL);
"""
DECLARED = "foreign_keys: [{table: stores, columns: [manager], references: a}]"
TEXT = spec_text("things", "table: a\nkey: new", more=DECLARED)
KINDS = pytest.mark.parametrize(
    ("key", "default"), [("uuid", "gen_random_uuid()"), ("int", "nextval('public.ids')")], ids=["type", "values"]
)


def _tables(key: str, default: str) -> str:
    made = TABLES.format(key=key, default=default).split(";\n")
    return ";\n".join([made[1], made[0], *made[2:]])


@KINDS
def test_a_value_without_a_row_is_refused_with_its_count(new_database: NewDatabase, key: str, default: str) -> None:
    database = new_database(_tables(key, default) + "UPDATE stores SET manager = 99 WHERE id IN (3, 4);")
    plan = plan_of(database, f"target: things\n{DECLARED}\nsources:\n  - {{table: a, key: new}}\n")
    assert told(plan) == ["4: 2 values of manager of public.stores have no row in public.a: '99' (2)"]


@KINDS
@pytest.mark.parametrize(
    "written", ["UPDATE stores SET manager = 99 WHERE id = 3", "DELETE FROM a WHERE id = 7"], ids=["child", "source"]
)
def test_a_value_that_lost_its_row_since_it_was_looked_at_is_refused_under_the_lock(
    new_database: NewDatabase, key: str, default: str, written: str
) -> None:
    cutting = staged(new_database(_tables(key, default)), TEXT)
    with pytest.raises(RuleViolated, match=r"values of manager of public\.stores have no row in public\.a: (99|7);"):
        cutting.cut(once_inserted=lambda: cutting.database.run(written))
    assert cutting.rows("SELECT count(*) FROM things") == [(0,)]
    assert cutting.rows("SELECT count(manager) FROM stores") == [(20,)]
    cutting.database.run("UPDATE stores SET manager = 1 WHERE manager NOT IN (SELECT id FROM a)")
    cutting.cut()
    follows = "SELECT count(*) FROM stores s JOIN things t ON t.id = s.manager"
    assert cutting.rows(follows) == [(20,)]
