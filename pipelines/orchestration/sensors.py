"""Sensors: what the ledger says reaches Dagster, whoever changed it, the command or another program."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg

from pipelines.core.ledger_rows import FoldStanding
from pipelines.core.wording import shortened
from pipelines.orchestration.in_force import in_force_evaluation
from pipelines.orchestration.keys import (
    CONSOLIDATION_TAG,
    CUT_OVER,
    DROP,
    Job,
    asset_key,
    confirm_config,
    job_name,
    tags,
)
from pipelines.orchestration.place import ledger_surroundings
from pipelines.orchestration.run_shell import AssetJob
from pipelines.orchestration.workers import fail_abandoned_runs
from pipelines.steps.abandoned import note_abandoned
from pipelines.steps.standing import Standing, find_standing
from pipelines.steps.workflow import may_drop_at

EVERY_S = 30
_AWAY = "the embedded database is not running: pgfold up starts it"
_BUSY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def approved_sensor(name: str, fold: AssetJob, drop: AssetJob) -> dg.SensorDefinition:
    """Launches the step that waited for a person, once the person said yes: no worker waits meanwhile."""

    @dg.sensor(
        name=f"{name}_approved",
        jobs=[fold, drop],
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Launches the cut-over or drop of {name} that waited for an approval, when it has one.",
    )
    def approved(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        fail_abandoned_runs(context.instance)
        if context.instance.get_runs(dg.RunsFilter(tags=tags(name), statuses=list(_BUSY)), limit=1):
            return dg.SkipReason(f"a run of {name} is under way")
        with ledger_surroundings() as surroundings:
            if surroundings is None:
                return dg.SkipReason(_AWAY)
            standing = find_standing(surroundings, name)
            requests = list(due_requests(name, standing, surroundings.now()))
        return dg.SensorResult(run_requests=requests) if requests else dg.SkipReason("nothing approved is waiting")

    return approved


def due_requests(name: str, standing: Standing, now: datetime) -> Iterator[dg.RunRequest]:
    """The runs that an approval lets go on, each once."""
    run, drop_at = standing.run, may_drop_at(standing.state)
    if run is None:
        return
    cut_over, drop = standing.asked_and_approved(CUT_OVER), standing.asked_and_approved(DROP)
    if cut_over and standing.under_way and not standing.cut_over:
        yield _request(name, Job.FOLD, CUT_OVER, run.plan_hash, f"{run.id} {cut_over.approved_at}")
    if drop and drop_at and drop_at <= now and standing.state.standing is FoldStanding.FOLDED:
        yield _request(name, Job.DROP, DROP, run.plan_hash, f"{run.id} {drop.approved_at}")


def _request(name: str, job: Job, step: str, plan_hash: str, once: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{step} {once}",
        job_name=job_name(name, job),
        asset_selection=[asset_key(name, step)],
        run_config=dict(confirm_config(name, step, plan_hash)),
        tags=tags(name),
    )


def in_force_sensor(name: str) -> dg.SensorDefinition:
    """Keeps the check `in_force` true when the command, and not a job, folded or rolled back."""

    @dg.sensor(
        name=f"{name}_in_force",
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Turns the check in_force of {name} red after a rollback, and green after a fold.",
    )
    def in_force(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        with ledger_surroundings() as surroundings:
            if surroundings is None:
                return dg.SkipReason(_AWAY)
            state = find_standing(surroundings, name).state
        seen = f"{state.standing} {state.cut_over_at}"
        if seen == context.cursor or (not state.in_force and state.standing is not FoldStanding.ROLLED_BACK):
            return dg.SkipReason(f"{name} stands as before: {state.standing}")
        return dg.SensorResult(asset_events=[in_force_evaluation(state)], cursor=seen)

    return in_force


def failure_sensor(name: str) -> dg.SensorDefinition:
    """Reports each failed run of the consolidation, and tells the ledger of one that died without a word."""

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.FAILURE,
        name=f"{name}_failures",
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Reports failed runs of {name}; a run whose process was killed is recorded as failed.",
    )
    def failures(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
        run = context.dagster_run
        if not concerns(name, run):
            return dg.SkipReason(f"run {run.run_id} is not of {name}")
        reason = shortened(context.dagster_event.message or "no reason was given", 500)
        context.log.error("%s: run %s (%s) failed: %s", name, run.run_id, run.job_name, reason)
        with ledger_surroundings() as surroundings:
            if surroundings is not None and note_abandoned(surroundings, name, run.run_id, reason):
                context.log.info("%s: its run in the ledger is failed now; pgfold run %s goes on with it", name, name)
        return None

    return failures


def concerns(name: str, run: dg.DagsterRun) -> bool:
    """Whether a run is the consolidation's, by its tag or by the assets it was to make."""
    made = run.asset_selection or frozenset()
    return run.tags.get(CONSOLIDATION_TAG) == name or any(key.path[0] == name for key in made)
