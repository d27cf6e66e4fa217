"""verify as Dagster shows it: one asset, and a blocking check a kind of question."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import dagster as dg

from pipelines.core.checks import Check, failed
from pipelines.core.spec import Spec
from pipelines.core.wording import number
from pipelines.orchestration.approval import ask_for_approval
from pipelines.orchestration.failures import failures_told
from pipelines.orchestration.keys import CUT_OVER, VERIFY, asset_key, op_name, step_before
from pipelines.orchestration.listening import tell
from pipelines.orchestration.metadata import Materialized, checks_table, outcome_metadata
from pipelines.orchestration.place import NEEDED, RESOURCE
from pipelines.steps import workflow
from pipelines.steps.outcome import Outcome
from pipelines.steps.surroundings import Surroundings

_NUMBERED = re.compile(r"_[0-9]+$")


@dataclass(frozen=True, slots=True)
class CheckKind:
    """One question, by a name that stays; `answers` are the checks that answer it, some of them one a source.

    Which of them is made depends on how the consolidation stands: not folded, on its way, or in force.
    """

    name: str
    question: str
    answers: tuple[str, ...]


READ_BACK = CheckKind(
    "read_back", "Can every source row be read back, equal, through the inverse?", ("read_back", "row_map")
)
KINDS = (
    READ_BACK,
    CheckKind("rules", "Do the target's own rules hold for what comes?", ("rules", "preflight")),
    CheckKind("orphans", "Does every child find its row?", ("orphans", "foreign_keys")),
    CheckKind("backup_restores", "Does the backup give every row back, by digest?", ("backup_restores", "sealed")),
)


def kinds_of(spec: Spec) -> tuple[CheckKind, ...]:
    """The questions that a consolidation has; where every source must be empty, there is nothing to read back."""
    empty = all(source.expect_empty for source in spec.sources)
    return tuple(kind for kind in KINDS if not (empty and kind is READ_BACK))


def kind_name(check_name: str) -> str | None:
    """The kind that a check answers: `read_back` for `read_back_2`."""
    bare = _NUMBERED.sub("", check_name)
    return next((kind.name for kind in KINDS if bare in kind.answers), None)


def verify_asset(name: str, spec: Spec) -> dg.AssetsDefinition:
    """The asset; its checks can run alone, and a failed one stops what comes after it."""
    key = asset_key(name, VERIFY)

    @dg.multi_asset(
        name=op_name(name, VERIFY),
        specs=[
            dg.AssetSpec(
                key,
                deps=[asset_key(name, step_before(VERIFY))],
                group_name=name,
                kinds={"postgres"},
                description=f"Every row of {spec.description or name} read back, and the target's own rules.",
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(kind.name, asset=key, blocking=True, description=kind.question) for kind in kinds_of(spec)
        ],
        can_subset=True,
        required_resource_keys=set(NEEDED),
    )
    def verify(context: dg.AssetExecutionContext) -> Iterator[Materialized | dg.AssetCheckResult]:
        surroundings: Surroundings = getattr(context.resources, RESOURCE)
        selected = _Selected.of(context)
        with failures_told(surroundings, spec.name, VERIFY):
            outcome = _look(surroundings, spec) if selected.asset else workflow.verify_now(surroundings, spec)
        tell(outcome)
        yield from _results(key, outcome, selected)

    return verify


def _look(surroundings: Surroundings, spec: Spec) -> Outcome:
    """The step of the run; when it has passed, a cut-over that needs an approval waits for it from here on."""
    outcome = workflow.check(surroundings, spec.name)
    if not failed(outcome.checks):
        ask_for_approval(surroundings, spec, CUT_OVER)
    return outcome


@dataclass(frozen=True, slots=True)
class _Selected:
    """What of the asset this run asks for."""

    asset: bool
    checks: frozenset[str]

    @classmethod
    def of(cls, context: dg.AssetExecutionContext) -> "_Selected":
        of_op = context.op_execution_context
        return cls(bool(of_op.selected_asset_keys), frozenset(key.name for key in of_op.selected_asset_check_keys))


def _results(key: dg.AssetKey, outcome: Outcome, selected: _Selected) -> Iterator[Materialized | dg.AssetCheckResult]:
    found = [result for kind in KINDS if kind.name in selected.checks for result in _answer(key, kind, outcome.checks)]
    if not selected.asset:
        yield from found
        return
    # a check yielded by itself would attach to the materialization before this one
    yield dg.MaterializeResult(asset_key=key, metadata=outcome_metadata(outcome), check_results=found)


def _answer(key: dg.AssetKey, kind: CheckKind, checks: Iterable[Check]) -> Iterator[dg.AssetCheckResult]:
    """The kind's checks as one result; none where none was made: nothing is reported that was not looked at."""
    made = tuple(check for check in checks if kind_name(check.name) == kind.name)
    if made:
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=kind.name,
            passed=all(check.passed for check in made),
            severity=_severity(made),
            description="\n".join(_said(check) for check in made),
            metadata=_check_metadata(made),
        )


def _severity(checks: tuple[Check, ...]) -> dg.AssetCheckSeverity:
    stops = any(check.blocking and not check.passed for check in checks)
    return dg.AssetCheckSeverity.ERROR if stops else dg.AssetCheckSeverity.WARN


def _said(check: Check) -> str:
    return "\n".join((f"{check.sentence} ({number(check.over)} looked at).", *check.details))


def _check_metadata(checks: tuple[Check, ...]) -> dict[str, dg.MetadataValue]:
    return {
        "looked at": dg.MetadataValue.int(sum(check.over for check in checks)),
        "found": dg.MetadataValue.int(sum(check.found for check in checks)),
        "checks": checks_table(checks),
    }
