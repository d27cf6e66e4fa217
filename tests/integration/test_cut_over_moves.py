"""Keys and unique values that move while the rows are on their way: between rows, between sources, to the target."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.core.errors import RuleViolated
from tests.cutting import Cutting, staged
from tests.databases import Database
from tests.folding import spec_text

MANY = 200  # keys at once, of which a pass is made before the lock

TABLES = """
CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL, code int UNIQUE);
INSERT INTO things VALUES (-1, 'own', -1), (-2, 'own too', -2);
CREATE TABLE a (id int PRIMARY KEY, name text NOT NULL, code int UNIQUE);
INSERT INTO a SELECT g, 'a' || g, g FROM generate_series(1, 400) g;
CREATE TABLE b (id int PRIMARY KEY, name text NOT NULL, code int UNIQUE);
INSERT INTO b SELECT g, 'b' || g, g FROM generate_series(1001, 1400) g;
"""
BOTH = spec_text("things", "table: a", "table: b")
ARCHIVED = "SELECT * FROM pgfold_things_public.a UNION ALL SELECT * FROM pgfold_things_public.b"
OWN = [(-2, "own too", -2), (-1, "own", -1)]


@pytest.fixture
def cutting(new_database: Callable[..., Database]) -> Cutting:
    """Two sources of 400 rows, on their way into a target with two rows of its own."""
    return staged(new_database(TABLES), BOTH)


def folded(cutting: Cutting) -> list[tuple[object, ...]]:
    """What is in the target, after seeing that it is what the archive says, and the target's own rows."""
    rows = cutting.rows("SELECT id, name, code FROM things ORDER BY id")
    assert sorted(row for row in rows if int(str(row[0])) > 0) == sorted(cutting.rows(ARCHIVED))
    assert [row for row in rows if int(str(row[0])) < 0] == OWN
    return rows


def test_unique_values_swap_between_rows(cutting: Cutting) -> None:
    def swap() -> None:
        cutting.database.run(
            f"""BEGIN; UPDATE a SET code = -id - 1000 WHERE id <= {MANY};
            UPDATE a SET code = {MANY} + 1 - id WHERE id <= {MANY}; COMMIT"""
        )

    assert cutting.cut(once_inserted=swap).replayed >= MANY
    assert (1, "a1", MANY) in folded(cutting)


def test_a_unique_value_swaps_under_the_lock(cutting: Cutting) -> None:
    """So few that no pass is made before it."""

    def swap() -> None:
        cutting.database.run(
            "BEGIN; UPDATE a SET code = 0 WHERE id = 1; UPDATE a SET code = 1 WHERE id = 2;"
            "UPDATE a SET code = 2 WHERE id = 1; COMMIT"
        )

    assert cutting.cut(once_inserted=swap).replayed == 2
    assert {(1, "a1", 2), (2, "a2", 1)} <= set(folded(cutting))


@pytest.mark.parametrize("count", [3, MANY])
def test_rows_move_from_one_source_to_the_other_and_back_again(cutting: Cutting, count: int) -> None:
    def move() -> None:
        cutting.database.run(
            f"""WITH gone AS (DELETE FROM a WHERE id <= {count} RETURNING *) INSERT INTO b SELECT * FROM gone;
            WITH gone AS (DELETE FROM b WHERE id > 1000 AND id <= 1000 + {count} RETURNING *)
            INSERT INTO a SELECT * FROM gone"""
        )

    cutting.cut(once_inserted=move)
    folded(cutting)
    assert cutting.rows(f"SELECT count(*) FROM pgfold_things_public.b WHERE id <= {count}") == [(count,)]


def test_keys_move_between_rows(cutting: Cutting) -> None:
    cutting.cut(once_inserted=lambda: cutting.database.run("UPDATE a SET id = id + 5000 WHERE id <= 200"))
    folded(cutting)


@pytest.mark.parametrize("table", ["things", "b"])
def test_a_key_that_is_taken_is_refused_and_nothing_is_lost(cutting: Cutting, table: str) -> None:
    cutting.database.run(f"INSERT INTO {table} VALUES (7000, 'first', 7000)")
    before = cutting.rows("SELECT * FROM things ORDER BY id")
    with pytest.raises(RuleViolated, match=r"things.*\(id\)=\(7000\) already exists.*nothing was changed.*on_conflict"):
        cutting.cut(once_inserted=lambda: cutting.database.run("INSERT INTO a VALUES (7000, 'new', 7001)"))
    assert cutting.rows("SELECT * FROM things ORDER BY id") == before
    cutting.database.run("DELETE FROM a WHERE id = 7000")
    cutting.cut()
    assert cutting.rows("SELECT name FROM things WHERE id = 7000") == [("first",)]


def test_a_row_that_found_no_place_takes_none_with_it_when_it_goes(cutting: Cutting) -> None:
    """Neither the target's own row of that key, nor the other source's."""
    cutting.database.run("INSERT INTO things VALUES (7000, 'mine', 7000)")
    clash = f"""INSERT INTO a SELECT 1000 + g, 'clash', -5000 - g FROM generate_series(1, {MANY}) g;
                INSERT INTO a VALUES (7000, 'clash', 7001)"""
    passes: list[str] = []

    def resolve(progress: object) -> None:
        passes.append(str(progress))
        if len(passes) == 1:
            cutting.database.run("DELETE FROM a WHERE name = 'clash'")

    cutting.cut(once_inserted=lambda: cutting.database.run(clash), after_pass=resolve)
    assert passes
    assert cutting.rows("SELECT count(*) FROM things WHERE name LIKE 'b%'") == [(400,)]
    assert cutting.rows("SELECT id, name FROM things WHERE id = 7000") == [(7000, "mine")]
    assert cutting.rows("SELECT count(*) FROM things") == [(803,)]


def test_a_row_that_was_staged_under_a_key_of_another_takes_it_not_along(cutting: Cutting) -> None:
    """Both were staged with one key; before either was written, the first one went."""
    cutting.database.run("INSERT INTO a VALUES (7000, 'first', 7000); INSERT INTO b VALUES (7000, 'second', 7001)")
    gone = "UPDATE a SET name = 'going' WHERE id = 7000; DELETE FROM a WHERE id = 7000"
    cutting.cut(caught_up=lambda: cutting.database.run(gone))
    assert (7000, "second", 7001) in folded(cutting)


def test_a_row_of_the_target_that_has_a_drawn_key_is_not_taken_for_ours(new_database: Callable[..., Database]) -> None:
    tables = """CREATE TABLE things (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text);
                CREATE TABLE a (id int PRIMARY KEY, name text);
                INSERT INTO a SELECT g, 'a' FROM generate_series(1, 9) g"""
    cutting = staged(new_database(tables), spec_text("things", "table: a\nkey: new"))
    taken = "UPDATE a SET name = 'b'; INSERT INTO things (id, name) SELECT g, 'mine' FROM generate_series(1, 9) g"
    with pytest.raises(RuleViolated, match="already exists; nothing was changed"):
        cutting.cut(caught_up=lambda: cutting.database.run(taken))
    assert cutting.rows("SELECT name, count(*) FROM things GROUP BY 1") == [("mine", 9)]
