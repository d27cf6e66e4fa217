"""Where a consolidation stands by the ledger: what is under way, what is in force, which plan an approval is about."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from pipelines.core.errors import Refused
from pipelines.core.ledger_rows import ApprovalRecord, FoldState, PlanRecord, Run, RunKind
from pipelines.core.spec import Approval, Spec
from pipelines.database import approvals, ledger_folds, ledger_runs
from pipelines.database.connection import Connection
from pipelines.steps.surroundings import Surroundings

APPROVABLE = ("cut_over", "drop")


@dataclass(frozen=True, slots=True)
class Standing:
    """`run` is the latest fold run, `plan` the plan it follows, `approvals` those given or asked for its steps."""

    state: FoldState
    run: Run | None = None
    plan: PlanRecord | None = None
    approvals: tuple[ApprovalRecord, ...] = ()

    @property
    def under_way(self) -> Run | None:
        """The fold run that is not finished."""
        return self.run if self.run is not None and not self.run.finished else None

    @property
    def cut_over(self) -> bool:
        """Whether the run under way has cut over, and only its seal is left."""
        return self.under_way is not None and self.under_way.cut_over_at is not None

    def approval_of(self, step: str) -> ApprovalRecord | None:
        """The approval that a person gave for this run's plan."""
        return next((a for a in self._of_plan(step) if a.approved_at is not None), None)

    def asked_and_approved(self, step: str) -> ApprovalRecord | None:
        """The same, where the step had been tried and waited for it: then it can go on by itself."""
        approval = self.approval_of(step)
        return approval if approval is not None and approval.requested_at is not None else None

    def _of_plan(self, step: str) -> tuple[ApprovalRecord, ...]:
        if self.run is None:
            return ()
        standing = [a for a in self.approvals if a.step == step and a.withdrawn_at is None]
        return tuple(a for a in standing if a.plan_hash == self.run.plan_hash)


def find_standing(surroundings: Surroundings, name: str) -> Standing:
    """Read the ledger; nothing is written, and a database without one has nothing to tell."""
    with closing(surroundings.connect(f"{name} look")) as connection:
        return read_standing(connection, name)


def read_standing(connection: Connection, name: str) -> Standing:
    """The same, on a connection that is there."""
    state = ledger_folds.fold_state(connection, name)
    run = next((r for r in ledger_runs.runs_of(connection, name) if r.kind is RunKind.FOLD), None)
    plan = approvals.load_plan(connection, name, run.plan_hash) if run is not None else None
    return Standing(state, run, plan, approvals.approvals_of(connection, name))


def needs_approval(spec: Spec, step: str) -> bool:
    """Whether the spec has this step wait for a person."""
    return spec.approval is Approval.BOTH or spec.approval.value == step


def refuse_in_force(state: FoldState) -> None:
    """Stop where the fold is in force already.

    Raises:
        Refused: it is; nothing was touched.
    """
    if state.in_force:
        raise Refused(
            f"{state.name} is folded since {state.cut_over_at:%Y-%m-%d %H:%M} UTC; pgfold rollback {state.name}"
        )
