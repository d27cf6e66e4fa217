"""Folds as the page shows them: steps, progress, checks, locks, the way back, and what waits for a person. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from daemon.health import microseconds
from daemon.migrations.ledger import Books, FoldBooks, StepRow, TrackedRow
from daemon.migrations.live import LiveCheck, LiveFold
from daemon.migrations.plan_words import read_plan
from daemon.migrations.progress import show_progress
from daemon.migrations.steps import WINDOW, Shown, clock, drop_from, show_steps
from daemon.wording import counted, one_line
from monitoring.wire import (
    Migration,
    MigrationCheck,
    MigrationLocks,
    MigrationStep,
    MigrationTable,
    MigrationTarget,
    MigrationUndo,
    MigrationWait,
)

State = Literal["planned", "running", "waiting", "folded", "failed", "rolled_back"]
_APPROVAL = re.compile(r"^\s*approval:\s*[\"']?(\w+)", re.MULTILINE)
_TRACKED: dict[str, State] = {"pending": "planned", "in_progress": "running", "completed": "folded",
                              "failed": "failed", "rolled_back": "rolled_back"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`dagster_url` is where its UI is, None where there is none."""

    zone: ZoneInfo
    dagster_url: str | None


def show_migrations(books: Books | None, live: dict[str, LiveFold], around: Surroundings) -> list[Migration]:
    """Every fold known, those at work first, then the latest; `books` is None where they cannot be read."""
    known = {each.fold.name: each for each in books.folds} if books is not None else {}
    shown = [show_migration(Shown(known.get(name), live.get(name), around.zone), name, around)
             for name in dict.fromkeys([*known, *live])]  # fmt: skip
    shown += [
        _show_tracked(row) for row in (books.tracked if books is not None else ()) if row.migration_name not in live
    ]
    busy = ("running", "waiting", "failed")
    return sorted(shown, key=lambda each: (each.state not in busy, -(each.started_us or 0), each.fold))


def show_migration(shown: Shown, name: str, around: Surroundings) -> Migration:
    """One of them."""
    steps = show_steps(shown)
    fold = shown.books.fold if shown.books is not None else None
    state = _state(shown, steps)
    run = (fold.dagster_run_id if fold is not None else None) or (shown.live.dagster_run if shown.live else None)
    running = next((step for step in steps if step.state == "running"), None)
    return Migration(
        fold=name,
        sources=_sources(shown.books),
        target=_target(shown.books),
        run_id=str(fold.run) if fold is not None and fold.run is not None else None,
        plan_hash=(fold.plan_hash if fold is not None else None) or (shown.live.plan_hash if shown.live else None),
        state=state,
        started_us=_started_us(shown),
        finished_us=microseconds(fold.finished_at) if fold is not None and fold.finished_at is not None else None,
        dagster_url=f"{around.dagster_url.rstrip('/')}/runs/{run}" if around.dagster_url and run else None,
        steps=steps,
        progress=show_progress(shown, running) if running is not None else None,
        checks=_checks(shown),
        locks=_locks(shown),
        undo=_undo(shown, state, name),
        waits_for=_waits_for(shown, steps, name),
    )


def _show_tracked(row: TrackedRow) -> Migration:
    """All that schema_migrations says."""
    step = MigrationStep(name="fold", title="Fold", state="failed" if row.error_message else "to_come", took_ns=None,
                         sentence=one_line(row.error_message or ""), at_us=None)  # fmt: skip
    return Migration(
        fold=row.migration_name, sources=[], target=None, run_id=str(row.id), plan_hash=None,
        state=_TRACKED.get(row.status or "", "planned"),
        started_us=None if row.started_at is None else microseconds(row.started_at),
        finished_us=None if row.completed_at is None else microseconds(row.completed_at),
        dagster_url=None, steps=[step] if row.error_message else [], progress=None, checks=[], locks=None, undo=None,
        waits_for=None,
    )  # fmt: skip


def _state(shown: Shown, steps: list[MigrationStep]) -> State:
    standing = shown.books.fold.standing if shown.books is not None else None
    states = {step.state for step in steps if step.name != "drop"}
    drop = next(step for step in steps if step.name == "drop")
    if "running" in states or drop.state == "running":
        return "running"
    if "failed" in states or drop.state == "failed":
        return "failed"
    if standing in ("folded", "dropped"):
        return "folded"
    if standing == "rolled_back":
        return "rolled_back"
    if "waiting" in states:
        return "waiting"
    if all(step.state in ("done", "to_come") for step in steps) and any(s.state == "done" for s in steps[1:]):
        return "waiting" if shown.is_stopped else "running"
    return "planned"


def _started_us(shown: Shown) -> int | None:
    if shown.books is not None and shown.books.fold.started_at is not None:
        return microseconds(shown.books.fold.started_at)
    return shown.live.first_us if shown.live is not None else None


def _sources(books: FoldBooks | None) -> list[MigrationTable]:
    if books is None:
        return []
    staged = {(b.source_schema, b.source_name): b.rows for b in books.batches if b.complete}
    return [
        MigrationTable(
            table=t.table_name,
            rows=0 if t.role == "empty" else staged.get((t.table_schema, t.table_name), t.estimated_rows),
        )
        for t in books.in_role("source", "empty")
    ]


def _target(books: FoldBooks | None) -> MigrationTarget | None:
    """Its rows before are as the plan counted them, else as estimated, as long as nothing was added to them."""
    if books is None or books.fold.target_name is None:
        return None
    before = read_plan(books.fold.plan_document).target_rows
    if before is None and books.fold.standing in ("folding", "none"):
        before = next((table.estimated_rows for table in books.in_role("target")), None)
    return MigrationTarget(table=books.fold.target_name, rows_before=before)


def _checks(shown: Shown) -> list[MigrationCheck]:
    found: dict[str, MigrationCheck] = {}
    for name in ("verify", WINDOW, "seal") if shown.books is not None else ():
        row = shown.books.step(name) if shown.books is not None else None
        found |= {check.name: check for check in _of_step(row)} if row is not None else {}
    for live in shown.live.checks.values() if shown.live is not None else ():
        was = found.get(live.name)
        told = _of_live(live)
        news = was is None or (was.state != told.state and (was.at_us or 0) < live.at_us)
        if news and live.at_us >= (_started_us(shown) or 0):  # else the books say the same, with numbers
            found[live.name] = told
    if shown.books is not None and "sealed" not in found and shown.books.step(WINDOW) is not None:
        found["sealed"] = MigrationCheck(
            name="sealed", state="to_come", at_us=None,
            sentence="Sealed backup restores and equals the archive: runs when sealing ends.",
        )  # fmt: skip
    return [*found.values()]


def _of_step(row: StepRow) -> Iterable[MigrationCheck]:
    listed = row.facts.get("checks")
    at_us = microseconds(row.finished_at or row.started_at)
    for facts in listed if isinstance(listed, list) else []:
        if isinstance(facts, dict) and isinstance(facts.get("name"), str):
            passed = facts.get("passed") is True
            state: Literal["passed", "failed", "warned"] = (
                "passed" if passed else "failed" if facts.get("blocking") is not False else "warned"
            )
            yield MigrationCheck(name=facts["name"], state=state, sentence=_sentence(facts), at_us=at_us)


def _sentence(facts: dict[str, object]) -> str:
    said = one_line(facts.get("sentence") or facts["name"])
    over, found, details = facts.get("over"), facts.get("found"), facts.get("details")
    if isinstance(found, int) and found and facts.get("passed") is not True:
        first = f": {one_line(details[0])}" if isinstance(details, list) and details else ""
        return f"{said}: {found:,} of {over:,}{first}" if isinstance(over, int) else f"{said}{first}"
    return f"{said}: {over:,} of {over:,}" if isinstance(over, int) and over else said


def _of_live(check: LiveCheck) -> MigrationCheck:
    state: Literal["passed", "failed", "warned"] = (
        "passed" if check.passed else "failed" if check.blocking else "warned"
    )
    return MigrationCheck(name=check.name, state=state, sentence=one_line(check.sentence), at_us=check.at_us)


def _locks(shown: Shown) -> MigrationLocks | None:
    window = shown.books.step(WINDOW) if shown.books is not None else None
    if window is not None and window.status == "done":
        assert shown.books is not None
        facts, tables = window.facts, len(shown.books.in_role("source", "empty", "target"))
        locked = float(str(facts.get("locked_ms") or 0))
        tries = int(str(facts.get("tries") or 1))
        said = f"{counted(tables, 'table')} locked in {counted(tries, 'try', 'tries')};" \
            f" {counted(int(str(facts.get('replayed') or 0)), 'changed row')} replayed."  # fmt: skip
        planned = read_plan(shown.books.fold.plan_document).held_ms
        return MigrationLocks(window_ms=locked, planned_ms=planned, sentence=said)
    live = shown.live.locks if shown.live is not None else None
    if live is None or live.at_us < (_started_us(shown) or 0):
        return None
    tries_told = "" if live.tries is None else f"Locked in {counted(live.tries, 'try', 'tries')}."
    waited = "" if live.waited_ms is None else f" Others waited {live.waited_ms:,.0f} ms at most."
    return MigrationLocks(window_ms=live.window_ms, planned_ms=None, sentence=(tries_told + waited).strip())


def _undo(shown: Shown, state: State, name: str) -> MigrationUndo | None:
    fold = shown.books.fold if shown.books is not None else None
    cut_over_us = microseconds(fold.cut_over_at) if fold is not None and fold.cut_over_at is not None else None
    if state == "rolled_back":
        rollback = shown.books.step("rollback", "rollback") if shown.books is not None else None
        at = rollback.finished_at if rollback is not None else None
        told = f"It was undone at {clock(at, shown.zone)}." if at is not None else "It was undone."
        return MigrationUndo(possible=None, sentence=told, computed_us=None)
    verdict = shown.live.undo if shown.live is not None else None
    if verdict is not None and (cut_over_us is None or verdict.at_us >= cut_over_us):
        said = one_line(verdict.sentence)
        return MigrationUndo(
            possible=verdict.passed, sentence=said[:1].upper() + said[1:] + ".", computed_us=verdict.at_us
        )
    if cut_over_us is None:
        if fold is None:
            return None
        before = f"Nothing is folded yet: pgfold rollback {name} takes away what was staged."
        return MigrationUndo(possible=None, sentence=before, computed_us=None)
    told = f"Not computed since the cut-over: pgfold rollback {name} --plan computes it."
    return MigrationUndo(possible=None, sentence=told, computed_us=None)


def _waits_for(shown: Shown, steps: list[MigrationStep], name: str) -> MigrationWait | None:
    books = shown.books
    if books is None:
        waiting = next((step for step in steps if step.state == "waiting"), None)
        return (
            None
            if waiting is None
            else MigrationWait(sentence=f"{waiting.title} waits: {waiting.sentence}", command=None)
        )
    plan = (books.fold.plan_hash or "")[:6]
    for asked in books.approvals:
        if asked.approved_at is None and asked.plan_hash == books.fold.plan_hash:
            what = asked.step.replace("_", "-")
            return MigrationWait(
                sentence=f"The {what} waits for a person's approval of plan {plan}:",
                command=f"pgfold approve {name} {asked.step}",
            )
    if books.fold.standing == "folded" and books.fold.status == "completed":
        return _drop_waits(books, name)
    stopped = next((step for step in steps if step.state in ("waiting", "failed") and step.name != "drop"), None)
    if stopped is not None and (shown.is_stopped or stopped.state == "failed"):
        command = f"pgfold {'rollback' if stopped.name == 'rollback' else 'run'} {name}"
        return MigrationWait(sentence=f"{stopped.title} has stopped; a rerun goes on where it was:", command=command)
    return None


def _drop_waits(books: FoldBooks, name: str) -> MigrationWait | None:
    tables = counted(len(books.in_role("source", "empty")), "archived table")
    approval = books.approval("drop")
    approved = approval is not None and approval.approved_at is not None
    if not approved and _drop_needs_approval(books.fold.spec_text):
        return MigrationWait(sentence=f"Dropping the {tables} needs a person:", command=f"pgfold approve {name} drop")
    begins = drop_from(books)
    if begins is None or books.fold.read_at < begins:
        return None
    return MigrationWait(sentence=f"The {tables} may be dropped now:", command=f"pgfold drop {name}")


def _drop_needs_approval(spec_text: str | None) -> bool:
    """As the spec says; without a word it does."""
    found = _APPROVAL.search(spec_text or "")
    return found is None or found[1] in ("drop", "both")
