"""A person's yes holds for one step of one plan; rows set aside wait until they are put back."""

from datetime import timedelta

import pytest

from pipelines.core.errors import StateUnknown
from pipelines.core.ledger_rows import PlanRecord, Run
from pipelines.core.schema import TableName
from pipelines.database.approvals import (
    approval_of,
    approvals_of,
    approve,
    load_plan,
    request_approval,
    save_plan,
    waiting_approvals,
    withdraw_approvals,
)
from pipelines.database.connection import Connection
from pipelines.database.set_aside import Leftover, mark_put_back, set_aside, set_aside_rows
from tests.fix_ledger import BEGUN

LATER = BEGUN + timedelta(hours=1)
LAST = BEGUN + timedelta(hours=2)


def test_an_approval_names_person_time_and_plan(ledger: Connection) -> None:
    approve(ledger, "issues", "drop", "3f9a1c", "grace", BEGUN)
    held = approval_of(ledger, "issues", "drop", "3f9a1c")
    assert held is not None
    assert (held.person, held.approved_at, held.requested_at, held.withdrawn_at) == ("grace", BEGUN, None, None)


@pytest.mark.parametrize(
    ("fold", "step", "plan_hash"),
    [("files", "drop", "3f9a1c"), ("issues", "cut_over", "3f9a1c"), ("issues", "drop", "7")],
)
def test_an_approval_holds_for_nothing_else(ledger: Connection, fold: str, step: str, plan_hash: str) -> None:
    approve(ledger, "issues", "drop", "3f9a1c", "grace", BEGUN)
    assert approval_of(ledger, fold, step, plan_hash) is None


def test_the_first_approval_stands(ledger: Connection) -> None:
    first = approve(ledger, "issues", "drop", "3f9a1c", "grace", BEGUN)
    assert approve(ledger, "issues", "drop", "3f9a1c", "ada", LATER) == first
    assert approvals_of(ledger, "issues") == (first,)


def test_a_step_waits_until_somebody_approves(ledger: Connection) -> None:
    request_approval(ledger, "issues", "drop", "3f9a1c", LATER)
    request_approval(ledger, "files", "drop", "3f9a1c", BEGUN)
    request_approval(ledger, "issues", "drop", "3f9a1c", LAST)  # asked again, it waits since the first time
    waiting = waiting_approvals(ledger)
    assert [(w.fold, w.requested_at) for w in waiting] == [("files", BEGUN), ("issues", LATER)]
    assert approval_of(ledger, "issues", "drop", "3f9a1c") is None

    approved = approve(ledger, "issues", "drop", "3f9a1c", "grace", LAST)
    assert (approved.requested_at, approved.approved_at) == (LATER, LAST)
    assert approval_of(ledger, "issues", "drop", "3f9a1c") == approved
    assert [w.fold for w in waiting_approvals(ledger)] == ["files"]


def test_a_step_that_was_approved_before_does_not_wait(ledger: Connection) -> None:
    approve(ledger, "issues", "drop", "3f9a1c", "grace", BEGUN)
    assert request_approval(ledger, "issues", "drop", "3f9a1c", LATER).person == "grace"
    assert waiting_approvals(ledger) == ()


def test_a_changed_plan_waits_anew(ledger: Connection) -> None:
    request_approval(ledger, "issues", "drop", "old", BEGUN)
    request_approval(ledger, "issues", "cut_over", "old", BEGUN)
    request_approval(ledger, "issues", "drop", "new", LATER)
    waiting = {(w.step, w.plan_hash) for w in waiting_approvals(ledger)}
    assert waiting == {("cut_over", "old"), ("drop", "new")}
    assert [a.withdrawn_at for a in approvals_of(ledger, "issues")] == [LATER, None, None]


def test_a_withdrawn_approval_is_kept_and_can_be_given_again(ledger: Connection) -> None:
    approve(ledger, "issues", "drop", "3f9a1c", "grace", BEGUN)
    withdraw_approvals(ledger, "issues", LATER)
    assert approval_of(ledger, "issues", "drop", "3f9a1c") is None
    approve(ledger, "issues", "drop", "3f9a1c", "ada", LAST)
    assert [(a.person, a.withdrawn_at) for a in approvals_of(ledger, "issues")] == [("grace", LATER), ("ada", None)]


def test_a_plan_is_kept_by_fold_and_hash_in_its_newest_form(ledger: Connection) -> None:
    first = PlanRecord("issues", "3f9a1c", "target: t\n", "15 rows", BEGUN)
    second = PlanRecord("issues", "3f9a1c", "target: t\n", "16 rows", LATER)
    other = PlanRecord("files", "3f9a1c", "target: f\n", "0 rows", BEGUN)
    for plan in (first, other, second):
        save_plan(ledger, plan)
    assert load_plan(ledger, "issues", "3f9a1c") == second
    assert load_plan(ledger, "files", "3f9a1c") == other
    assert load_plan(ledger, "issues", "7") is None


TABLE = TableName("public", 'odd "name"')
ROWS = (
    Leftover(
        TABLE, {"id": "5d1c", "status": "verified", "note": None, 'a "b"': "\\x00ff", "empty": ""}, "no counterpart"
    ),
    Leftover(TABLE, {"id": "5d1d", "numeric": "1.00", "array": "[0:1]={1,NULL}", "text": "NULL\nü"}, "no counterpart"),
    Leftover(TableName("public", "exai_issue_updates"), {"id": "91"}, "its issue goes home"),
)


def test_rows_set_aside_come_back_as_they_were_until_put_back(ledger: Connection, fold_run: Run) -> None:
    set_aside(ledger, fold_run, ROWS, BEGUN)
    found = set_aside_rows(ledger, "issues")
    assert [(row.table, row.row, row.reason) for row in found] == [(row.table, row.row, row.reason) for row in ROWS]
    assert {(row.run, row.set_aside_at, row.put_back_at) for row in found} == {(fold_run.id, BEGUN, None)}
    assert set_aside_rows(ledger, "files") == ()

    mark_put_back(ledger, found[:2], LATER)
    assert [row.row["id"] for row in set_aside_rows(ledger, "issues")] == ["91"]
    everything = set_aside_rows(ledger, "issues", put_back_too=True)
    assert [row.put_back_at for row in everything] == [LATER, LATER, None]


def test_a_row_is_put_back_once(ledger: Connection, fold_run: Run) -> None:
    set_aside(ledger, fold_run, ROWS, BEGUN)
    found = set_aside_rows(ledger, "issues")
    mark_put_back(ledger, found[:1], LATER)
    with pytest.raises(StateUnknown, match="put back meanwhile"), ledger.transaction():
        mark_put_back(ledger, found, LAST)
    assert len(set_aside_rows(ledger, "issues")) == 2
    mark_put_back(ledger, (), LAST)
