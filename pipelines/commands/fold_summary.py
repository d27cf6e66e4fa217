"""The last lines of `pgfold run`: what is folded, where the evidence lies, and what can be done next."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from psycopg import sql

from pipelines.commands.run_screen import short_paths
from pipelines.core.ledger_rows import FoldState
from pipelines.core.mapping_words import lossy_columns
from pipelines.core.reconciliation import Verdict
from pipelines.core.spec import Spec
from pipelines.core.wording import counted
from pipelines.database import ledger_folds
from pipelines.database.connection import Connection
from pipelines.orchestration.home import ui_address
from pipelines.settings import Settings
from pipelines.steps.rebuild import rebuild_fold
from pipelines.steps.standing import needs_approval, read_standing
from pipelines.steps.surroundings import Surroundings
from pipelines.steps.workflow import may_drop_at
from pipelines.terminal import Terminal

_ANSWER_S = 0.5


@dataclass(frozen=True, slots=True)
class FoldSummary:
    """A fold that is in force now; `verdict` is None where nobody asked whether it can be undone."""

    spec: Spec
    verdict: Verdict | None
    dagster_run_id: str


def say_summary(terminal: Terminal, surroundings: Surroundings, settings: Settings, summary: FoldSummary) -> None:
    """Short lines, the object named, the next command last."""
    with closing(surroundings.connect(f"{summary.spec.name} look")) as connection:
        standing = read_standing(connection, summary.spec.name)
        folded = _folded(connection, standing.state, summary)
    backup = standing.run.backup_location if standing.run else None
    report = f"Report: {short_paths(str(Path(backup) / 'report.html'), Path.cwd())}    " if backup else ""
    terminal.say()
    terminal.say(folded)
    terminal.say(f"{report}Run: {_run_address(settings, summary.dagster_run_id)}")
    terminal.say(f"Next: {_next(summary.spec, standing.state)}. Undo: pgfold rollback {summary.spec.name}")


def _folded(connection: Connection, state: FoldState, summary: FoldSummary) -> str:
    recorded = ledger_folds.load_recorded(connection, state.name)
    assert state.target is not None
    assert recorded is not None
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(state.target.identifier)).fetchone()
    rows = int(str(row[0])) if row else 0
    lossy = len(lossy_columns(rebuild_fold(recorded).lens))
    undone = "" if summary.verdict is None else f" Can be undone: {'yes' if summary.verdict.can_be_undone else 'no'}."
    return f"Folded: {counted(rows, 'row')} in {state.target}. {counted(lossy, 'column')} lossy.{undone}"


def _next(spec: Spec, state: FoldState) -> str:
    when = may_drop_at(state)
    approved = " and once approved" if needs_approval(spec, "drop") else ""
    return f"pgfold drop {spec.name}, from {when:%Y-%m-%d}{approved}"


def _run_address(settings: Settings, run_id: str) -> str:
    """A link where the UI is up, else how to see it."""
    address = ui_address(settings)
    return f"{address}/runs/{run_id}" if address and _answers(address) else f"{run_id} (pgfold up shows it)"


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/server_info", timeout=_ANSWER_S) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException):
        return False
