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
    """One question; the checks whose names begin with its name, one a source, answer it together."""

    name: str
    question: str


KINDS = (
    CheckKind("read_back", "Does every staged row read back equal, through the inverse?"),
    CheckKind("backup_restores", "Does the backup give back what was exported, by digest?"),
)


def kind_name(check_name: str) -> str:
    """`read_back` of `read_back_2`."""
    return _NUMBERED.sub("", check_name)


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
            dg.AssetCheckSpec(kind.name, asset=key, blocking=True, description=kind.question) for kind in KINDS
        ],
        can_subset=True,
        required_resource_keys=set(NEEDED),
    )
    def verify(context: dg.AssetExecutionContext) -> Iterator[Materialized | dg.AssetCheckResult]:
        surroundings: Surroundings = getattr(context.resources, RESOURCE)
        with failures_told():
            outcome = workflow.check(surroundings, name)
            if not failed(outcome.checks):
                ask_for_approval(surroundings, spec, CUT_OVER)
        tell(outcome)
        yield from _results(key, outcome, _Selected.of(context))

    return verify


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
    metadata = {**outcome_metadata(outcome), "checks": checks_table(outcome.checks)}
    # a check yielded by itself would attach to the materialization before this one
    yield dg.MaterializeResult(asset_key=key, metadata=metadata, check_results=found)


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
