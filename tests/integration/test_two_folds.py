"""Two consolidations with one target: each is its own, the later is undone first, and a column they share stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.core.reconciliation import RollbackBlocked
from pipelines.core.spec_file import parse_spec
from pipelines.settings import Settings
from pipelines.steps.opening import surroundings_of
from tests.databases import Database
from tests.driving import Driver
from tests.dump import dump

TABLES = """
    CREATE TABLE issues (id bigint PRIMARY KEY, title text NOT NULL);
    INSERT INTO issues VALUES (1, 'own');
    CREATE TABLE bugs (id bigint PRIMARY KEY, name text NOT NULL);
    INSERT INTO bugs VALUES (11, 'a crash'), (12, 'a leak');
    CREATE TABLE wishes (id bigint PRIMARY KEY, name text NOT NULL);
    INSERT INTO wishes VALUES (21, 'more light');
    CREATE TABLE wish_votes (id bigint PRIMARY KEY, wish bigint NOT NULL REFERENCES wishes ON DELETE CASCADE);
    INSERT INTO wish_votes VALUES (1, 21);
"""


def text_of(source: str) -> str:
    return f"""
type: pipelines.Consolidation
attributes:
  target: issues
  drop_after: 0h
  add_columns: {{origin: {{type: text, default: "'own'"}}}}
  sources:
    - table: {source}
      columns: {{id: id, name: title}}
      set: {{origin: {source}}}
"""


@pytest.fixture
def folds(new_database: Callable[..., Database], tmp_path: Path) -> tuple[Database, Callable[[str], Driver]]:
    database = new_database(TABLES)

    def driver(source: str) -> Driver:
        with surroundings_of(Settings(database.url, "public", tmp_path, "ada")) as surroundings:
            return Driver(surroundings, parse_spec(source, text_of(source), "test"))

    return database, driver


def rows(database: Database) -> list[tuple[object, ...]]:
    return database.rows("SELECT id, title, origin FROM issues ORDER BY id")


def test_the_later_is_undone_first_and_a_shared_column_leaves_with_its_last_user(
    folds: tuple[Database, Callable[[str], Driver]],
) -> None:
    database, driver = folds
    before = dump(database)
    bugs, wishes = driver("bugs"), driver("wishes")
    bugs.fold()
    between = dump(database)
    wishes.fold()
    folded = [(1, "own", "own"), (11, "a crash", "bugs"), (12, "a leak", "bugs"), (21, "more light", "wishes")]
    assert rows(database) == folded

    verdict = bugs.verdict()
    assert not verdict.can_be_undone
    assert "undo it first: pgfold rollback wishes" in {finding.remedy for finding in verdict.findings}
    with pytest.raises(RollbackBlocked):
        bugs.unfold()
    assert rows(database) == folded

    wishes.unfold()
    assert dump(database) == between
    bugs.unfold()
    assert dump(database) == before


def test_edits_under_both_go_home_and_come_back(folds: tuple[Database, Callable[[str], Driver]]) -> None:
    database, driver = folds
    bugs, wishes = driver("bugs"), driver("wishes")
    bugs.fold()
    wishes.fold()
    database.run("UPDATE issues SET title = title || '!', origin = 'edited' WHERE id IN (1, 11, 21)")
    edited = rows(database)
    wishes.unfold()
    assert database.rows("SELECT name FROM wishes") == [("more light!",)]
    assert rows(database) == edited[:3]
    bugs.unfold()
    assert database.rows("SELECT name FROM bugs ORDER BY id") == [("a crash!",), ("a leak",)]
    wishes.fold()
    bugs.fold()
    assert rows(database) == edited


def test_dropped_and_undone_in_order(folds: tuple[Database, Callable[[str], Driver]]) -> None:
    database, driver = folds
    before = dump(database)
    bugs, wishes = driver("bugs"), driver("wishes")
    bugs.fold()
    wishes.fold()
    bugs.drop()
    wishes.drop()
    wishes.unfold()
    bugs.unfold()
    assert dump(database) == before
