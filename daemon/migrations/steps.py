"""The steps of a fold in a row, each with its state and a sentence: from the books, and from newer word of the run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from daemon.health import microseconds
from daemon.migrations.ledger import FoldBooks, StepRow
from daemon.migrations.live import LiveFold, LiveStep
from daemon.migrations.plan_words import read_plan
from daemon.wording import counted, duration, one_line, percent, size
from monitoring.wire import MigrationStep

State = Literal["to_come", "running", "done", "failed", "waiting"]

TITLES = {"plan": "Plan", "export": "Export", "add_columns": "Add columns", "map_fields": "Map", "verify": "Verify",
          "cut_over": "Cut over", "drop": "Drop"}  # fmt: skip
ROLLBACK = "rollback"
WINDOW = "window"  # the ledger's name for what the cut-over's transaction did
IDLE_AFTER = timedelta(seconds=30)  # between two steps nobody is at work either
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page is made from: the books where they could be read, and what runs told."""

    books: FoldBooks | None
    live: LiveFold | None
    zone: ZoneInfo

    def live_step(self, name: str) -> LiveStep | None:
        """The newest word on a step of the run that the books know; a plan comes before its run."""
        step = self.live.steps.get(name) if self.live is not None else None
        if step is None or self.books is None or self.books.fold.started_at is None:
            return step
        since = self.books.fold.started_at
        if name == "plan" and self.books.fold.planned_at is not None:
            since = min(since, self.books.fold.planned_at - timedelta(hours=1))
        return step if step.at_us >= microseconds(since) else None

    @property
    def is_stopped(self) -> bool:
        """Whether a run that is not finished has nobody at work on it, for long enough to be no pause."""
        if self.books is None or self.books.fold.status != "in_progress" or self.books.fold.at_work:
            return False
        times = [self.books.fold.started_at, *(b.last_at for b in self.books.batches)]
        times += [time for step in self.books.steps for time in (step.started_at, step.finished_at)]
        last_us = max((microseconds(time) for time in times if time is not None), default=0)
        last_us = max(last_us, self.live.last_us if self.live is not None else 0)
        return microseconds(self.books.fold.read_at) - last_us > microseconds_of(IDLE_AFTER)


def show_steps(shown: Shown) -> list[MigrationStep]:
    """Plan to drop, and the rollback where there was one."""
    steps = [show_step(shown, name) for name in TITLES]
    rollback = shown.books.step(ROLLBACK, ROLLBACK) if shown.books is not None else None
    if rollback is not None or shown.live_step(ROLLBACK) is not None:
        steps.append(show_step(shown, ROLLBACK))
    return steps


def show_step(shown: Shown, name: str) -> MigrationStep:
    """One of them."""
    row, live = _row(shown, name), shown.live_step(name)
    title = TITLES.get(name, "Roll back")
    told_already = row is not None and row.status == "done" and live is not None and live.state == "done"
    if live is not None and not told_already and (row is None or live.at_us > _last_us(row)):
        return _from_live(name, title, live, shown)
    if row is not None:
        return _from_row(name, title, row, shown)
    if name == "plan" and shown.books is not None and shown.books.fold.planned_at is not None:
        rows = read_plan(shown.books.fold.plan_document).proven_rows
        proven = "proven" if rows is None else f"{counted(rows, 'row')} proven"
        told = f"{(shown.books.fold.plan_hash or '')[:6]}, {proven}"
        return _step(name, title, "done", told, microseconds(shown.books.fold.planned_at), None)
    if name == "drop" and shown.books is not None:
        return _drop_to_come(title, shown.books, shown.zone)
    return _step(name, title, "to_come", "", None, None)


def clock(at: datetime, zone: ZoneInfo) -> str:
    """`07:15:09`."""
    return f"{at.astimezone(zone):%H:%M:%S}"


def day(at: datetime, zone: ZoneInfo) -> str:
    """`Wed 2 Dec, 07:15`."""
    local = at.astimezone(zone)
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}, {local:%H:%M}"


def microseconds_of(time: timedelta) -> int:
    """As on the wire."""
    return time // timedelta(microseconds=1)


def drop_from(books: FoldBooks) -> datetime | None:
    """When the grace period ends; None before the cut-over."""
    at = books.fold.cut_over_at
    return None if at is None else at + (books.fold.drop_after or timedelta())


def _row(shown: Shown, name: str) -> StepRow | None:
    if shown.books is None:
        return None
    return shown.books.step(name, name if name in ("drop", ROLLBACK) else "fold")


def _last_us(row: StepRow) -> int:
    return microseconds(row.finished_at or row.started_at)


def _from_live(name: str, title: str, live: LiveStep, shown: Shown) -> MigrationStep:
    state: State = live.state if live.state in ("running", "done", "failed", "waiting") else "running"  # type: ignore[assignment]
    if state == "running" and shown.is_stopped:
        return _stopped(name, title, live.began_us, shown)
    at_us = live.began_us if state == "running" else live.at_us
    sentence = _under_way(name, shown) if state == "running" else one_line(live.sentence or "")
    return _step(name, title, state, sentence, at_us, live.took_ns)


def _from_row(name: str, title: str, row: StepRow, shown: Shown) -> MigrationStep:
    match row.status:
        case "done":
            assert row.finished_at is not None
            took_ns = microseconds_of(row.finished_at - row.started_at) * 1000
            return _step(name, title, "done", _done(name, row, shown), microseconds(row.finished_at), took_ns)
        case "failed":
            return _step(name, title, "failed", one_line(row.error or "stopped"), _last_us(row), None)
        case _ if shown.is_stopped:
            return _stopped(name, title, microseconds(row.started_at), shown)
        case _:
            return _step(name, title, "running", _under_way(name, shown), microseconds(row.started_at), None)


def _stopped(name: str, title: str, at_us: int, shown: Shown) -> MigrationStep:
    assert shown.books is not None
    again = f"stopped, and nobody is at work: pgfold {'run' if name != ROLLBACK else name} {shown.books.fold.name}"
    return _step(name, title, "waiting", again, at_us, None)


def _done(name: str, row: StepRow, shown: Shown) -> str:
    facts = row.facts
    match name:
        case "export":
            return f"{counted(_whole(facts, 'tables'), 'table')}, {size(_whole(facts, 'size_bytes'))}"
        case "add_columns":
            columns = facts.get("columns")
            return f"{counted(len(columns) if isinstance(columns, list) else 0, 'column')}, capture on"
        case "map_fields":
            rows, time_s = _whole(facts, "rows"), float(str(facts.get("seconds") or 0))
            return f"{rows / time_s:,.0f} rows/s" if time_s >= 1 else counted(rows, "row")
        case "verify":
            return _verified(facts)
        case "cut_over":
            return f"{duration(float(str(facts.get('locked_ms') or 0)) / 1000)} locked"
        case "drop":
            return f"{counted(_whole(facts, 'tables'), 'archived table')}, restored equal before"
        case _:
            home = sum(_whole(facts, part) for part in ("unchanged", "edited", "born"))
            return f"{counted(home, 'row')} home" if home else ""


def _verified(facts: dict[str, object]) -> str:
    checks = facts.get("checks")
    listed = [check for check in checks if isinstance(check, dict)] if isinstance(checks, list) else []
    differ = sum(_whole(check, "found") for check in listed if str(check.get("name", "")).startswith("read_back"))
    return f"{counted(differ, 'row differs', 'rows differ')}"


def _under_way(name: str, shown: Shown) -> str:
    window = shown.books.step(WINDOW) if shown.books is not None else None
    if shown.books is None or name != "cut_over" or window is None or window.status != "done":
        return ""
    live = shown.live_step(name)
    told = [*live.tables.values()] if live is not None else []
    done, total = sum(rows for rows, _ in told), sum(rows or 0 for _, rows in told)
    sealing = f"sealing {percent(done / total)}" if total and all(rows for _, rows in told) else "sealing"
    at = shown.books.fold.cut_over_at
    return f"Committed {clock(at, shown.zone)}, {sealing}" if at is not None else sealing


def _drop_to_come(title: str, books: FoldBooks, zone: ZoneInfo) -> MigrationStep:
    begins = drop_from(books)
    if books.fold.standing != "folded" or books.fold.status != "completed" or begins is None:
        return _step("drop", title, "to_come", "", None, None)
    approval = books.approval("drop")
    if approval is not None and approval.approved_at is not None:
        told = f"approved by {one_line(approval.person)}, from {day(begins, zone)}"
        return _step("drop", title, "to_come", told, None, None)
    return _step("drop", title, "waiting", f"from {day(begins, zone)}", None, None)


def _step(name: str, title: str, state: State, sentence: str, at_us: int | None, took_ns: int | None) -> MigrationStep:
    return MigrationStep(name=name, title=title, state=state, took_ns=took_ns, sentence=sentence, at_us=at_us)


def _whole(facts: dict[str, object], name: str) -> int:
    found = facts.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0
