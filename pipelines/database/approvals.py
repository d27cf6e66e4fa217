"""Plans kept, and people's approvals: each names one step of one plan, by the plan's hash."""

from __future__ import annotations

from datetime import datetime

from pipelines.core.ledger_rows import ApprovalRecord, PlanRecord
from pipelines.database.connection import Connection
from pipelines.database.ledger_reading import block, change, read_row, read_rows, returned_rows

_FILE = "approvals.sql"


def save_plan(connection: Connection, plan: PlanRecord) -> None:
    """Keep the plan; a later one of the same hash, which may count other rows, takes its place."""
    change(
        connection,
        block(_FILE, "save_plan"),
        fold=plan.fold,
        hash=plan.hash,
        spec_text=plan.spec_text,
        document=plan.document,
        created_at=plan.created_at,
    )


def load_plan(connection: Connection, fold: str, hash: str) -> PlanRecord | None:
    """The fold's plan of that hash."""
    return read_row(connection, PlanRecord, block(_FILE, "load_plan"), fold=fold, hash=hash)


def request_approval(connection: Connection, fold: str, step: str, plan_hash: str, at: datetime) -> ApprovalRecord:
    """The step waits for a person's yes to this plan, and no more for one to another plan."""
    asked = {"fold": fold, "step": step, "plan_hash": plan_hash, "at": at}
    with connection.transaction():
        change(connection, block(_FILE, "withdraw_older_requests"), **asked)
        return returned_rows(connection, ApprovalRecord, block(_FILE, "request"), **asked)[0]


def approve(connection: Connection, fold: str, step: str, plan_hash: str, person: str, at: datetime) -> ApprovalRecord:
    """A person says yes, before or after it is asked for; where somebody did already, that approval is returned."""
    return returned_rows(
        connection,
        ApprovalRecord,
        block(_FILE, "approve"),
        fold=fold,
        step=step,
        plan_hash=plan_hash,
        person=person,
        at=at,
    )[0]


def approval_of(connection: Connection, fold: str, step: str, plan_hash: str) -> ApprovalRecord | None:
    """The approval that holds for this step of this plan; None where nobody gave one, or it was withdrawn."""
    return read_row(connection, ApprovalRecord, block(_FILE, "standing"), fold=fold, step=step, plan_hash=plan_hash)


def waiting_approvals(connection: Connection) -> tuple[ApprovalRecord, ...]:
    """The steps of any fold that wait for a person, the longest first."""
    return read_rows(connection, ApprovalRecord, block(_FILE, "waiting"))


def approvals_of(connection: Connection, fold: str) -> tuple[ApprovalRecord, ...]:
    """All approvals of a fold, waiting and withdrawn ones too, oldest first."""
    return read_rows(connection, ApprovalRecord, block(_FILE, "of_fold"), fold=fold)


def withdraw_approvals(connection: Connection, fold: str, at: datetime) -> None:
    """What was approved is over: a yes to one fold of the rows is none to the next, though the plan is the same."""
    change(connection, block(_FILE, "withdraw"), fold=fold, at=at)
