"""Columns that a fold adds: their rules hold for every row once it is over, and no row was written again for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.core.checks import failed
from pipelines.steps import verify
from pipelines.steps.verify import Verify
from tests.chaos.stepping import Place
from tests.cutting import staged, unverified
from tests.databases import Database
from tests.dump import dump
from tests.folding import spec_text
from tests.planning import plan_of, told

NewDatabase = Callable[..., Database]

CHECKED = """
CREATE TABLE things (id int PRIMARY KEY, least int NOT NULL);
INSERT INTO things SELECT g, g % 3 FROM generate_series(1, 30) g;
CREATE TABLE a (id int PRIMARY KEY, least int NOT NULL, n int);
INSERT INTO a SELECT g, 0, g FROM generate_series(101, 110) g;
"""
GRADE = 'add_columns: {n: {type: int, default: "2", not_null: true, check: "n >= least"}}'
NOT_VALID = "SELECT conname::text FROM pg_constraint WHERE conrelid = 'things'::regclass AND NOT convalidated"


def test_an_added_check_is_valid_after_the_cut_over(new_database: NewDatabase) -> None:
    cutting = staged(new_database(CHECKED), spec_text("things", "table: a", more=GRADE))
    assert cutting.rows(NOT_VALID) == [("things_n_pgfold",)]
    cutting.cut()
    assert cutting.rows(NOT_VALID) == []
    checks = "SELECT conname::text FROM pg_constraint WHERE conrelid = 'things'::regclass AND contype = 'c'"
    assert cutting.rows(checks) == [("things_n_pgfold",)]


def test_an_own_row_that_would_break_an_added_check_is_refused(new_database: NewDatabase) -> None:
    database = new_database(CHECKED + "UPDATE things SET least = 7 WHERE id IN (4, 5)")
    plan = plan_of(database, f"target: things\n{GRADE}\nsources:\n  - table: a\n")
    assert told(plan) == ["4: 2 rows of public.things break the check of the new column n: '2' (2)"]


def test_an_own_row_that_came_to_break_an_added_check_stops_the_fold_before_the_cut_over(
    new_database: NewDatabase,
) -> None:
    """It was written between the plan and the moment from which the check holds for everybody."""
    database = new_database(CHECKED + "UPDATE things SET least = 7 WHERE id IN (4, 5)")
    cutting = unverified(database, spec_text("things", "table: a", more=GRADE))
    with cutting.session() as session:
        (found,) = failed(verify.apply(Verify(cutting.fold), session))
    assert found.sentence == "2 rows of public.things break the check of the new column n: '2' (2)"


FILLED = """
CREATE TABLE things (part text, no int, name text, touched int NOT NULL DEFAULT 0, PRIMARY KEY (part, no));
INSERT INTO things SELECT 'p' || g % 7, g, 'own' FROM generate_series(1, 100) g;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.touched = old.touched + 1; RETURN new; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE things ENABLE ALWAYS TRIGGER touch;
CREATE TABLE a (part text, no int, name text, PRIMARY KEY (part, no));
INSERT INTO a SELECT 'a', g, 'a' FROM generate_series(1, 5) g;
"""
DRAWN = """
batch_rows: 20
approval: none
add_columns:
  token: {type: uuid, default: gen_random_uuid(), not_null: true, check: "token IS NOT NULL"}
  seen: {type: timestamptz, default: clock_timestamp()}
"""
FILE = "SELECT pg_relation_filenode('things')"
VALUES = "SELECT count(DISTINCT token), count(seen), sum(touched), count(*) FROM things"


def _exported(database: Database, folder: Path) -> Place:
    place = Place(database, folder, spec_text("things", "table: a", more=DRAWN))
    place.plan()
    place.take("export")
    return place


def test_a_default_of_another_value_each_time_never_rewrites_the_target(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database(FILLED)
    before, file = dump(database), database.value(FILE)
    place = _exported(database, tmp_path)
    place.take("add_columns")
    assert database.value(FILE) == file
    assert database.rows(VALUES) == [(100, 100, 0, 100)]
    asked = """SELECT attname::text, attnotnull, pg_get_expr(adbin, adrelid) FROM pg_attribute
               JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
               WHERE attrelid = 'things'::regclass AND attname <> 'touched' ORDER BY 1"""
    expected = [("seen", False, "clock_timestamp()"), ("token", True, "gen_random_uuid()")]
    assert database.rows(asked) == expected
    for step in ("map_fields", "verify", "cut_over"):
        place.take(step)
    assert database.rows(VALUES) == [(105, 105, 0, 105)]
    assert database.rows(NOT_VALID) == []
    place.take("rollback")
    assert dump(database) == before


class Killed(Exception):
    """Whatever ends a process."""


def test_killed_while_it_fills_it_goes_on_and_no_value_is_drawn_twice(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database(FILLED)
    place, drawn, kills = _exported(database, tmp_path), dict[object, object](), 0

    def kill() -> None:
        raise Killed

    for moment in range(1, 200, 5):
        try:
            place.take("add_columns", moment, kill)
        except Killed:
            kills += 1
        rows = database.rows("SELECT no, to_jsonb(t) ->> 'token' FROM things t")
        now = {no: token for no, token in rows if token is not None}
        assert drawn.items() <= now.items()
        drawn = now
    assert kills > 3
    assert database.rows(VALUES) == [(100, 100, 0, 100)]


def test_rows_written_while_it_fills_get_their_values_too(new_database: NewDatabase, tmp_path: Path) -> None:
    """Rows whose key moves where the walk has been, new rows, and one that is given no value on purpose."""
    database = new_database(FILLED)
    place = _exported(database, tmp_path)
    calls = _exported(new_database(FILLED), tmp_path / "other").take("add_columns")
    written: list[int] = []

    def write() -> None:
        written.append(database.value("SELECT count(*) FROM things WHERE touched > 0"))  # type: ignore[arg-type]
        database.run("UPDATE things SET part = 'a' WHERE part >= 'p5'; INSERT INTO things VALUES ('b', 1), ('z', 1)")

    place.take("add_columns", calls // 2, write)
    assert written == [0]
    assert database.rows("SELECT count(DISTINCT token), count(seen), count(*) FROM things") == [(102, 102, 102)]


@pytest.mark.parametrize("again", [False, True])
def test_a_rollback_before_every_row_is_filled_leaves_nothing(
    new_database: NewDatabase, tmp_path: Path, again: bool
) -> None:
    database = new_database(FILLED)
    place = _exported(database, tmp_path)
    if again:
        for step in ("add_columns", "map_fields", "verify", "cut_over", "rollback"):
            place.take(step)
        place.plan()
        place.take("export")
    before = dump(database)

    def kill() -> None:
        raise Killed

    with pytest.raises(Killed):
        place.take("add_columns", 14, kill)
    assert database.value("SELECT count(*) FROM things WHERE token IS NULL") != 0
    place.take("rollback")
    assert dump(database) == before
    place.plan()
    for step in ("export", "add_columns", "map_fields", "verify", "cut_over"):
        place.take(step)
    assert database.rows(VALUES) == [(105, 105, 0, 105)]


def test_values_that_an_earlier_fold_kept_survive_a_fold_that_was_given_up(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database(FILLED)
    place = _exported(database, tmp_path)
    for step in ("add_columns", "map_fields", "verify", "cut_over"):
        place.take(step)
    kept = database.rows("SELECT part, no, token, seen FROM things ORDER BY 1, 2")
    place.take("rollback")
    for steps in (("export", "add_columns", "rollback"), ("export", "add_columns", "map_fields", "verify", "cut_over")):
        place.plan()
        for step in steps:
            place.take(step)
    assert database.rows("SELECT part, no, token, seen FROM things ORDER BY 1, 2") == kept


def test_a_default_that_draws_from_a_sequence_is_refused(new_database: NewDatabase) -> None:
    database = new_database(CHECKED + "CREATE SEQUENCE numbers;")
    add = """add_columns: {n: {type: bigint, default: "nextval('public.numbers')"}}"""
    plan = plan_of(database, f"target: things\n{add}\nsources:\n  - table: a\n    columns: {{n: n}}\n")
    assert told(plan) == [
        "4: the default of new column public.things.n draws from a sequence, whose place is not given back"
    ]


def test_a_domain_for_which_the_target_would_be_rewritten_is_refused(new_database: NewDatabase) -> None:
    database = new_database(CHECKED + "CREATE DOMAIN few AS int CHECK (VALUE < 1000); CREATE DOMAIN any_int AS int;")
    text = "target: things\nadd_columns: {{n: {{type: {}}}}}\nsources:\n  - table: a\n"
    assert told(plan_of(database, text.format("public.any_int"))) == []
    assert told(plan_of(database, text.format("public.few"))) == [
        "4: add_columns: n has type public.few, a domain with rules or a default of its own:"
        " every row of public.things would be written again under a lock"
    ]
