"""Columns that a fold adds: their rules hold for every row once it is over, and no row was written again for them."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.core.checks import failed
from pipelines.steps import verify
from pipelines.steps.verify import Verify
from tests.cutting import staged, unverified
from tests.databases import Database
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
