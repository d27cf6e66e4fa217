"""A consolidation driven through its steps, as the commands and Dagster drive it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from pipelines.core.checks import failed
from pipelines.core.plan import Plan
from pipelines.core.reconciliation import RollbackOptions, Verdict
from pipelines.core.spec import Spec
from pipelines.database import approvals
from pipelines.steps import workflow
from pipelines.steps.standing import find_standing
from pipelines.steps.surroundings import Surroundings

_AS_IT_IS = RollbackOptions()


@dataclass(frozen=True, slots=True)
class Driver:
    """One consolidation in one place."""

    surroundings: Surroundings
    spec: Spec

    def plan(self) -> Plan:
        """What `pgfold plan` finds out."""
        return workflow.plan(self.surroundings, self.spec)

    def fold(self) -> None:
        """Plan to cut-over; every check must pass."""
        workflow.store_plan(self.surroundings, self.plan())
        workflow.export(self.surroundings, self.spec)
        for step in (workflow.add, workflow.stage, workflow.check, workflow.cut):
            done = step(self.surroundings, self.spec.name)
            assert not failed(done.checks), failed(done.checks)

    def verdict(self, options: RollbackOptions = _AS_IT_IS) -> Verdict:
        """What `pgfold rollback --plan` finds out."""
        return workflow.reconcile(self.surroundings, self.spec.name, options)

    def unfold(self, options: RollbackOptions = _AS_IT_IS) -> None:
        """The way back."""
        workflow.rollback(self.surroundings, self.spec.name, options)

    def drop(self) -> None:
        """A person's yes, and the archived tables go."""
        standing = find_standing(self.surroundings, self.spec.name)
        assert standing.run is not None
        with closing(self.surroundings.connect("approve")) as connection:
            at, person = self.surroundings.now(), self.surroundings.person
            approvals.approve(connection, self.spec.name, "drop", standing.run.plan_hash, person, at)
        workflow.drop(self.surroundings, self.spec.name, now=True)
