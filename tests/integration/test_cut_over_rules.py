"""Rules of the target that no trigger and no index keeps for a session in the replica role."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
import pytest

from pipelines.core.errors import LockNotAvailable, RuleViolated
from tests.cutting import staged
from tests.databases import Database
from tests.folding import spec_text

NewDatabase = Callable[..., Database]
MANY = 200

PARENTS = """
CREATE TABLE parents (id int PRIMARY KEY);
INSERT INTO parents SELECT generate_series(1, 50);
CREATE TABLE things (id int PRIMARY KEY, parent int REFERENCES parents ON DELETE CASCADE);
CREATE TABLE a (id int PRIMARY KEY, parent int {own_key});
INSERT INTO a SELECT g, 1 + g % 40 FROM generate_series(1, 400) g;
"""
ONE = spec_text("things", "table: a")


def test_a_parent_is_kept_from_being_deleted_until_the_commit(new_database: NewDatabase) -> None:
    cutting = staged(new_database(PARENTS.format(own_key="")), ONE)

    def delete() -> None:
        with cutting.database.connect() as connection:
            connection.execute("SET lock_timeout = '20ms'")
            connection.execute("DELETE FROM parents WHERE id = 50")  # nobody references it
            with pytest.raises(psycopg.errors.LockNotAvailable):
                connection.execute("DELETE FROM parents WHERE id = 7")

    cutting.cut(once_inserted=delete)
    cutting.database.run("DELETE FROM parents WHERE id = 7")
    assert cutting.rows("SELECT count(*) FROM things WHERE parent = 7") == [(0,)]


def test_no_parent_is_held_where_the_source_has_the_same_key(new_database: NewDatabase) -> None:
    """It holds there until the lock; a cascade meanwhile is captured like any other write."""
    cutting = staged(new_database(PARENTS.format(own_key="REFERENCES parents ON DELETE CASCADE")), ONE)
    delete = "SET lock_timeout = '1s'; DELETE FROM parents WHERE id IN (7, 8)"
    cutting.cut(once_inserted=lambda: cutting.database.run(delete))
    assert cutting.rows("SELECT count(*) FROM things") == [(380,)]
    assert cutting.rows("SELECT count(*) FROM things WHERE parent IN (7, 8)") == [(0,)]


@pytest.mark.parametrize("count", [1, MANY])
def test_a_changed_row_without_parent_is_refused(new_database: NewDatabase, count: int) -> None:
    cutting = staged(new_database(PARENTS.format(own_key="")), ONE)
    with pytest.raises(RuleViolated, match=r"rows of public\.a reference rows that public\.parents does not have: 99"):
        cutting.cut(once_inserted=lambda: cutting.database.run(f"UPDATE a SET parent = 99 WHERE id <= {count}"))
    assert cutting.rows("SELECT count(*) FROM things") == [(0,)]
    cutting.database.run("UPDATE a SET parent = 1 WHERE parent = 99")
    cutting.cut()
    assert cutting.rows("SELECT count(*) FROM things WHERE parent = 99") == [(0,)]


def test_a_parent_that_came_meanwhile_is_found(new_database: NewDatabase) -> None:
    cutting = staged(new_database(PARENTS.format(own_key="")), ONE)
    new = f"INSERT INTO parents VALUES (60); UPDATE a SET parent = 60 WHERE id <= {MANY}"
    cutting.cut(once_inserted=lambda: cutting.database.run(new))
    assert cutting.rows("SELECT count(*) FROM things WHERE parent = 60") == [(MANY,)]


ITSELF = """
CREATE TABLE things (id int PRIMARY KEY, parent int REFERENCES things, code int UNIQUE {deferrable});
INSERT INTO things VALUES (-1, NULL, -1);
CREATE TABLE a (id int PRIMARY KEY, parent int {own_key}, code int);
INSERT INTO a SELECT g, nullif(g - 1, 0), g FROM generate_series(1, 400) g;
"""


def test_a_row_whose_parent_left_is_refused_where_the_target_references_itself(new_database: NewDatabase) -> None:
    cutting = staged(new_database(ITSELF.format(own_key="", deferrable="")), ONE)
    with pytest.raises(RuleViolated, match=r"rows of public.things that are not there: 5; nothing was changed"):
        cutting.cut(once_inserted=lambda: cutting.database.run("DELETE FROM a WHERE id = 5"))
    cutting.database.run("UPDATE a SET parent = NULL WHERE parent = 5")
    cutting.cut()
    assert cutting.rows("SELECT count(*) FROM things") == [(400,)]


def test_rows_that_reference_each_other_may_all_change(new_database: NewDatabase) -> None:
    cutting = staged(new_database(ITSELF.format(own_key="REFERENCES a", deferrable="")), ONE)
    turned = "UPDATE a SET parent = NULL; UPDATE a SET parent = 401 - id; DELETE FROM a WHERE id IN (1, 400)"
    cutting.cut(once_inserted=lambda: cutting.database.run(turned))
    assert cutting.rows("SELECT id, parent FROM things WHERE id > 0 ORDER BY 1") == cutting.rows(
        "SELECT id, parent FROM pgfold_things_public.a ORDER BY 1"
    )


@pytest.mark.parametrize("deferrable", ["DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED"])
@pytest.mark.parametrize("count", [1, MANY])
def test_a_value_that_two_rows_have_is_refused_where_a_trigger_would_look(
    new_database: NewDatabase, deferrable: str, count: int
) -> None:
    cutting = staged(new_database(ITSELF.format(own_key="", deferrable=deferrable)), ONE)
    twice = f"UPDATE a SET parent = NULL, code = code + 200 WHERE id <= {count}"
    with pytest.raises(RuleViolated, match=r"code.*201.*nothing was changed"):
        cutting.cut(once_inserted=lambda: cutting.database.run(twice))
    cutting.database.run("UPDATE a SET code = id")
    cutting.cut(once_inserted=lambda: cutting.database.run("UPDATE a SET code = 401 - id"))
    assert cutting.rows("SELECT count(DISTINCT code), count(*) FROM things") == [(401, 401)]


def test_a_row_where_none_is_expected_is_refused_under_the_lock(new_database: NewDatabase) -> None:
    database = new_database(PARENTS.format(own_key="") + "CREATE TABLE leftover (id int PRIMARY KEY);")
    cutting = staged(database, spec_text("things", "table: a", "table: leftover\nexpect_empty: true"))
    with pytest.raises(RuleViolated, match=r"public\.leftover has rows, and the spec says expect_empty; nothing was"):
        cutting.cut(once_inserted=lambda: database.run("INSERT INTO leftover VALUES (1)"))
    database.run("DELETE FROM leftover")
    cutting.cut()
    assert cutting.rows("SELECT to_regclass('leftover')::text") == [(None,)]


DRAWN = """
CREATE TABLE things (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, no bigserial, name text);
INSERT INTO things (name) SELECT 'own' FROM generate_series(1, 10);
CREATE TABLE a (id int PRIMARY KEY, name text);
INSERT INTO a SELECT g, 'a' FROM generate_series(101, 200) g;
"""


def test_sequences_are_past_every_value_and_never_move_back(new_database: NewDatabase) -> None:
    cutting = staged(new_database(DRAWN), ONE)

    def draw() -> None:
        """The application draws far beyond what the fold knows, and the source gets a greater key."""
        cutting.database.run("SELECT nextval('things_no_seq') FROM generate_series(1, 5000)")
        cutting.database.run("INSERT INTO a VALUES (900, 'late')")

    cutting.cut(once_inserted=draw)
    cutting.database.run("INSERT INTO things (name) VALUES ('next')")
    ((id, no),) = cutting.rows("SELECT id, no FROM things WHERE name = 'next'")
    assert id == 901
    assert int(str(no)) > 5000


def test_a_value_drawn_from_a_default_stays_as_it_was_drawn(new_database: NewDatabase) -> None:
    tables = """CREATE TABLE things (id int PRIMARY KEY, name text, token uuid DEFAULT gen_random_uuid());
                CREATE TABLE a (id int PRIMARY KEY, name text);
                INSERT INTO a SELECT g, 'a' FROM generate_series(1, 200) g"""
    cutting = staged(new_database(tables), ONE)
    ((table,),) = cutting.rows("SELECT tablename FROM pg_tables WHERE tablename LIKE 'staged%'")
    drawn = cutting.rows(f"SELECT id, token FROM pgfold.{table} ORDER BY id")
    cutting.cut(once_inserted=lambda: cutting.database.run("UPDATE a SET name = 'b'"))
    assert cutting.rows("SELECT id, token FROM things WHERE name = 'b' ORDER BY id") == drawn


def test_a_lock_on_a_parent_is_waited_for_only_shortly(new_database: NewDatabase) -> None:
    text = spec_text("things", "table: a", more="lock_timeout: 20ms\nlock_wait: 1s")
    cutting = staged(new_database(PARENTS.format(own_key="")), text)
    with cutting.database.connect() as application, application.transaction(force_rollback=True):
        application.execute("DELETE FROM parents WHERE id = 7")
        with pytest.raises(LockNotAvailable, match=r"hold the rows of public\.parents"):
            cutting.cut(between_tries=lambda _: time.sleep(0.02))
    cutting.cut()
    assert cutting.rows("SELECT count(*) FROM things") == [(400,)]
