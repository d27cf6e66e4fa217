"""`pgfold status`: migrations, steps, approvals waiting, backups and their age."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from datetime import datetime
from typing import assert_never
from uuid import UUID

from pydantic import JsonValue

from pipelines.core.ledger_rows import FoldStanding, FoldState, Run, RunKind, RunStatus, StepRecord, StepStatus
from pipelines.core.report import Status
from pipelines.core.wording import duration
from pipelines.database import approvals, ledger, ledger_folds, ledger_runs, ledger_steps
from pipelines.database.backup_store import list_backups
from pipelines.database.connection import Connection
from pipelines.database.locks import is_fold_held
from pipelines.settings import Settings
from pipelines.steps.opening import surroundings_of
from pipelines.steps.sequence import STEPS
from pipelines.steps.workflow import may_drop_at
from pipelines.terminal import Terminal

_STATES = {
    FoldStanding.FOLDED: Status.OK,
    FoldStanding.DROPPED: Status.OK,
    FoldStanding.FOLDING: Status.WARN,
    FoldStanding.ROLLED_BACK: Status.UNKNOWN,
    FoldStanding.NONE: Status.UNKNOWN,
}


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Show where everything stands; writes nothing."""
    with surroundings_of(settings) as surroundings, closing(surroundings.connect("status")) as connection:
        ledger.check_ledger(connection, surroundings.tracking_schema)
        with Terminal(sys.stdout) as terminal:
            if asked.json:
                facts = status_facts(connection, settings, surroundings.now())
                terminal.document(json.dumps(facts, indent=1, ensure_ascii=False))
            else:
                _show(terminal, connection, settings, surroundings.now())
    return 0


def status_facts(connection: Connection, settings: Settings, now: datetime) -> dict[str, JsonValue]:
    """Everything, for programs."""
    return {
        "folds": [_fold_facts(connection, state) for state in ledger_folds.fold_states(connection)],
        "waiting": [
            {"fold": a.fold, "step": a.step, "plan": a.plan_hash, "since": a.requested_at.isoformat()}
            for a in approvals.waiting_approvals(connection)
            if a.requested_at is not None
        ],
        "backups": [
            {
                "name": b.name,
                "folder": str(b.folder),
                "sealed": b.sealed,
                "age_s": round((now - b.started_at).total_seconds(), 1),
            }
            for b in list_backups(settings.backups)
        ],
    }


def _fold_facts(connection: Connection, state: FoldState) -> dict[str, JsonValue]:
    runs = ledger_runs.runs_of(connection, state.name)
    steps = _steps(connection, runs[0].id) if runs else ()
    idle = bool(runs) and _is_idle(connection, runs[0])
    drop_at = may_drop_at(state)
    return {
        "name": state.name,
        "standing": state.standing.value,
        "target": str(state.target) if state.target else None,
        "cut_over_at": state.cut_over_at.isoformat() if state.cut_over_at else None,
        "may_drop_at": drop_at.isoformat() if drop_at else None,
        "run": str(runs[0].id) if runs else None,
        "run_status": _run_status(runs[0], idle=idle) if runs else None,
        "error": runs[0].error_message if runs else None,
        "backup": state.sealed_location or (runs[0].backup_location if runs else None),
        "steps": [{"name": step.name, "status": _status(step, idle=idle)} for step in steps],
    }


def _show(terminal: Terminal, connection: Connection, settings: Settings, now: datetime) -> None:
    states = ledger_folds.fold_states(connection)
    for state in states:
        _show_fold(terminal, connection, state)
    if not states:
        terminal.say("No folds yet. Next: pgfold plan SPEC", Status.UNKNOWN)
    for waiting in approvals.waiting_approvals(connection):
        terminal.say(
            f"  waiting     {waiting.step} of {waiting.fold}: pgfold approve {waiting.fold} {waiting.step}", Status.WARN
        )
    newest = list_backups(settings.backups)[:1]
    for backup in newest:
        age = duration((now - backup.started_at).total_seconds())
        terminal.say(f"  backups     newest is {age} old: {backup.folder}")
    if not newest:
        terminal.say(f"  backups     none in {settings.backups}", Status.UNKNOWN)


def _steps(connection: Connection, run: UUID) -> tuple[StepRecord, ...]:
    """Those that a person knows: the ledger has parts of steps too."""
    return tuple(step for step in ledger_steps.steps_of(connection, run) if step.name in (*STEPS, "rollback"))


INTERRUPTED = "interrupted"


def _is_idle(connection: Connection, run: Run) -> bool:
    """Whether a run that did not end has nobody who works on it: its process was killed, or is between two steps."""
    return run.status is RunStatus.IN_PROGRESS and not is_fold_held(connection, run.fold)


def _run_status(run: Run, *, idle: bool) -> str:
    return INTERRUPTED if idle else run.status.value


def _status(step: StepRecord, *, idle: bool) -> str:
    return INTERRUPTED if idle and step.status is StepStatus.RUNNING else step.status.value


def _goes_on(run: Run) -> str:
    match run.kind:
        case RunKind.FOLD:
            return f"pgfold run {run.fold} goes on, pgfold rollback {run.fold} undoes it"
        case RunKind.ROLLBACK:
            return f"pgfold rollback {run.fold} goes on"
        case RunKind.DROP:
            return f"pgfold drop {run.fold} goes on"
        case _:
            assert_never(run.kind)


def _show_fold(terminal: Terminal, connection: Connection, state: FoldState) -> None:
    since = f" since {state.cut_over_at:%Y-%m-%d %H:%M} UTC" if state.cut_over_at and state.in_force else ""
    terminal.say(f"{state.name}: {state.standing.value.replace('_', ' ')}{since}", _STATES[state.standing])
    runs = ledger_runs.runs_of(connection, state.name)
    if runs:
        idle = _is_idle(connection, runs[0])
        status = _run_status(runs[0], idle=idle).replace("_", " ")
        terminal.say(f"  {'last run':<11} {runs[0].kind.value}, {status}, {runs[0].id}")
        if runs[0].error_message:
            terminal.say(f"  {'stopped by':<11} {runs[0].error_message}", Status.FAILED)
        for step in _steps(connection, runs[0].id):
            under_way = "nobody works on it" if idle else "under way"
            took = under_way if step.duration is None else duration(step.duration.total_seconds())
            terminal.say(f"    {step.name:<18} {_status(step, idle=idle):<11} {took}")
        if not runs[0].finished and (idle or runs[0].error_message):
            terminal.say(f"  {'next':<11} {_goes_on(runs[0])}")
    drop_at = may_drop_at(state)
    if drop_at is not None and state.standing is FoldStanding.FOLDED:
        terminal.say(f"  {'drop':<11} from {drop_at:%Y-%m-%d %H:%M} UTC on")
