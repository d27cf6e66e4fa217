"""What a run tells is seen on the dashboard too, while it goes on: monitoring hears of steps, checks and locks."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import monitoring
from monitoring.settings import settings as monitoring_settings
from pipelines.core.checks import Check, failed
from pipelines.core.errors import ApprovalNeeded, PgfoldError
from pipelines.core.plan import Plan
from pipelines.core.reconciliation import Verdict
from pipelines.core.wording import counted
from pipelines.database.connection import redact
from pipelines.steps.outcome import Outcome
from pipelines.steps.session import Progress
from pipelines.steps.surroundings import Surroundings

Told = Progress | Plan | Outcome | Verdict | PgfoldError | KeyboardInterrupt
Value = str | int | float | bool

SERVICE = "pgfold"
_KIND = "migration"
_STEP, _CHECK, _CUT_OVER, _ROLLBACK = "migration.step", "migration.check", "migration.cut_over", "migration.rollback"
CUT_OVER, ROLLBACK, DROP, BACKUP = "cut_over", "rollback", "drop", "backup"
_ANSWER_S = 0.2
_PAUSE_S = 0.25  # a page draws four times a second at most


@dataclass(slots=True)
class _Watched:
    """The step at work, and what was last said of it."""

    fold: str
    step: str
    dagster_run: str | None
    started: float
    last_said: float = 0.0
    first: tuple[float, int] | None = None  # when rows were first counted, and how many there were already
    tables: dict[str, int] = field(default_factory=dict)


_WATCHED: ContextVar[_Watched | None] = ContextVar("watched", default=None)


@contextmanager
def seen() -> Iterator[None]:
    """While inside, this process is a source on the dashboard, where a daemon answers; else nothing is recorded."""
    if monitoring.source() is not None or not _daemon_answers():
        yield
        return
    monitoring.start(SERVICE)
    try:
        yield
    finally:
        monitoring.stop()


@contextmanager
def watched(surroundings: Surroundings, fold: str, step: str) -> Iterator[None]:
    """Around a step that a command does by itself, without Dagster; its outcome is for the caller to tell."""
    with seen():
        begin(surroundings, fold, step)
        try:
            yield
        except (PgfoldError, KeyboardInterrupt) as error:
            hear(error)
            raise


def wait_for_person(step: str, sentence: str) -> None:
    """The step that comes next does not begin before somebody says yes."""
    watched = _WATCHED.get()
    if watched is not None:
        _end(replace(watched, step=step), "waiting", sentence)


def begin(surroundings: Surroundings, fold: str, step: str) -> None:
    """From here on, what is told in this thread is about this step."""
    watched = _Watched(fold, step, surroundings.dagster_run_id, monitoring.clock())
    _WATCHED.set(watched)
    _say(watched, _STEP, {"pgfold.state": "running"})


def hear(told: Told) -> None:
    """One thing that a step tells."""
    watched = _WATCHED.get()
    if watched is None:
        return
    match told:
        case Progress():
            _progress(watched, told)
        case Plan():
            pass  # its outcome follows
        case Outcome():
            _outcome(watched, told)
        case Verdict():
            _say(watched, _CHECK, _verdict(told))
            _end(watched, "done", str(_verdict(told)["pgfold.sentence"]))
        case ApprovalNeeded():
            _end(watched, "waiting", str(told))
        case PgfoldError():
            _end(watched, "failed", redact(str(told)), type(told).__name__)
        case KeyboardInterrupt():
            _end(watched, "failed", "somebody stopped it; a rerun goes on", "Stopped")


def _progress(watched: _Watched, progress: Progress) -> None:
    """Rows of all tables so far; not more often than a page draws, but the last of them always."""
    watched.tables[progress.note] = progress.rows_done
    done, at = sum(watched.tables.values()), time.monotonic()
    watched.first = watched.first or (at, done)
    if at - watched.last_said < _PAUSE_S and progress.rows_done != progress.rows_total:
        return
    watched.last_said = at
    since, before = watched.first
    facts: dict[str, Value] = {"pgfold.state": "running", "pgfold.rows_done": progress.rows_done}
    if progress.rows_total is not None:
        facts["pgfold.rows_total"] = progress.rows_total
    if at > since and done > before:
        facts["pgfold.rows_per_s"] = round((done - before) / (at - since))
    if progress.note:
        facts["pgfold.table"] = progress.note
    _say(watched, _STEP, facts)


def _outcome(watched: _Watched, outcome: Outcome) -> None:
    for check in outcome.checks:
        _say(watched, _CHECK, _check(check), None if check.passed or not check.blocking else check.name)
    if outcome.step == CUT_OVER and not outcome.already:
        _say(watched, _CUT_OVER, _locks(outcome))
    if watched.step == ROLLBACK:
        _say(watched, _ROLLBACK, _locks(outcome))
    if watched.step == BACKUP:
        _backup(watched, outcome)
    bad = failed(outcome.checks)
    _end(watched, "failed" if bad else "done", outcome.sentence, "CheckFailed" if bad else None)


def _locks(outcome: Outcome) -> dict[str, Value]:
    names = {"locked_ms": "pgfold.lock_window_ms", "waited_ms": "pgfold.lock_wait_ms", "tries": "pgfold.lock_tries"}
    known = {to: outcome.facts.get(fact) for fact, to in names.items()}
    return {"pgfold.sentence": outcome.sentence, **{k: v for k, v in known.items() if isinstance(v, int | float)}}


def _check(check: Check) -> dict[str, Value]:
    sentence = "; ".join((check.sentence, *check.details[:1]))
    return {
        "pgfold.check": check.name, "pgfold.passed": check.passed, "pgfold.blocking": check.blocking,
        "pgfold.sentence": sentence,
    }  # fmt: skip


def _verdict(verdict: Verdict) -> dict[str, Value]:
    edited = f"{counted(verdict.edited_rows, 'edited row')} would go home with their edits"
    words = edited if verdict.can_be_undone else f"{counted(len(verdict.blocked), 'row')} in the way"
    return {"pgfold.check": "can_roll_back", "pgfold.passed": verdict.can_be_undone, "pgfold.sentence": words}


def _backup(watched: _Watched, outcome: Outcome) -> None:
    size = outcome.facts.get("bytes")
    monitoring.event(
        "backup.written", "backup", size_bytes=size if isinstance(size, int) else None, started=watched.started,
        attributes={"pgfold.fold": watched.fold, "pgfold.sentence": outcome.sentence},
    )  # fmt: skip


def _end(watched: _Watched, state: str, sentence: str, error_type: str | None = None) -> None:
    facts: dict[str, Value] = {"pgfold.state": state, "pgfold.sentence": sentence}
    _say(watched, _STEP, facts, error_type, watched.started)


def _say(
    watched: _Watched, name: str, facts: dict[str, Value], error_type: str | None = None, started: float | None = None
) -> None:
    about: dict[str, Value | None] = {
        "pgfold.fold": watched.fold,
        "pgfold.step": watched.step,
        "pgfold.dagster_run": watched.dagster_run,
    }
    attributes = {name: value for name, value in about.items() if value is not None}
    monitoring.event(
        name, _KIND, outcome="error" if error_type else "ok", error_type=error_type, started=started,
        attributes={**attributes, **facts},
    )  # fmt: skip


def _daemon_answers(connect: Callable[..., socket.socket] = socket.create_connection) -> bool:
    """Whether somebody listens where events go: else every command would wait at its end for an answer."""
    known = monitoring_settings()
    if not known.enabled:
        return False
    address = urlsplit(known.ingest_url)
    try:
        with connect((address.hostname, address.port or 80), timeout=_ANSWER_S):
            return True
    except OSError:
        return False
