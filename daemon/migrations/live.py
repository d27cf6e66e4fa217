"""What runs tell of folds while they go on: the newest word on each step, check, lock and undo, from stored events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from monitoring.wire import Event, Value

_MOST_FOLDS = 100
_MOST_TABLES = 50
_MOST_CHECKS = 60


@dataclass(slots=True)
class LiveStep:
    """The newest word on a step: rows done and to do, by table where the newest word named one, else `whole`."""

    state: str
    at_us: int
    began_us: int
    sentence: str | None = None
    took_ns: int | None = None
    rows_per_s: float | None = None
    whole: tuple[int, int | None] | None = None
    tables: dict[str, tuple[int, int | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LiveCheck:
    """A check's answer."""

    name: str
    passed: bool
    blocking: bool
    sentence: str
    at_us: int


@dataclass(frozen=True, slots=True)
class LiveLocks:
    """What a cut-over or a rollback said of its locks; milliseconds."""

    window_ms: float | None
    waited_ms: float | None
    tries: int | None
    at_us: int


@dataclass(slots=True)
class LiveFold:
    """One fold as its runs told of it."""

    name: str
    first_us: int
    last_us: int
    steps: dict[str, LiveStep] = field(default_factory=dict)
    checks: dict[str, LiveCheck] = field(default_factory=dict)
    undo: LiveCheck | None = None
    locks: LiveLocks | None = None
    plan_hash: str | None = None
    dagster_run: str | None = None
    run_id: str | None = None


class LiveFolds:
    """Every fold told of, the last hundred; events may come in any order of time."""

    def __init__(self) -> None:
        self.folds: dict[str, LiveFold] = {}
        self.drills: dict[str, tuple[int, bool, str]] = {}  # by fold: when, whether equal, sentence

    def hear(self, events: Iterable[Event]) -> bool:
        """Whether one of them was about a fold."""
        heard = False
        for event in events:
            if event.kind in ("migration", "backup") and event.attributes:
                fold = event.attributes.get("pgfold.fold")
                if isinstance(fold, str) and fold:
                    self._hear(fold, event, event.attributes)
                    heard = True
        return heard

    def _hear(self, name: str, event: Event, facts: dict[str, Value]) -> None:
        fold = self.folds.setdefault(name, LiveFold(name, event.at_us, event.at_us))
        fold.last_us = max(fold.last_us, event.at_us)
        fold.plan_hash = _text(facts, "pgfold.plan_hash") or fold.plan_hash
        fold.dagster_run = _text(facts, "pgfold.dagster_run") or fold.dagster_run
        fold.run_id = _text(facts, "pgfold.run_id") or fold.run_id
        match event.name:
            case "migration.step":
                _hear_step(fold, event, facts)
            case "migration.check":
                _hear_check(fold, event, facts)
            case "migration.cut_over" | "migration.rollback":
                fold.locks = LiveLocks(_number(facts, "pgfold.lock_window_ms"), _number(facts, "pgfold.lock_wait_ms"),
                                       _whole(facts, "pgfold.lock_tries"), event.at_us)  # fmt: skip
            case "backup.drill":
                sentence = _text(facts, "pgfold.sentence") or ""
                self.drills[name] = (event.at_us, event.outcome == "ok", sentence)
            case _:
                pass
        if len(self.folds) > _MOST_FOLDS:
            self.folds.pop(min(self.folds, key=lambda each: self.folds[each].last_us))


def _hear_step(fold: LiveFold, event: Event, facts: dict[str, Value]) -> None:
    name, state = _text(facts, "pgfold.step"), _text(facts, "pgfold.state")
    if name is None or state is None:
        return
    step = fold.steps.get(name)
    begins = state == "running" and "pgfold.rows_done" not in facts
    if step is not None and event.at_us < step.at_us:
        return  # older news
    if step is None or begins or (step.state != "running" and state == "running"):
        step = fold.steps[name] = LiveStep(state, event.at_us, event.at_us)
    step.state, step.at_us = state, event.at_us
    step.sentence = _text(facts, "pgfold.sentence") or step.sentence
    if event.duration_ns is not None:
        step.took_ns = event.duration_ns
    rate = _number(facts, "pgfold.rows_per_s")
    step.rows_per_s = rate if rate is not None else step.rows_per_s
    done, table = _whole(facts, "pgfold.rows_done"), _text(facts, "pgfold.table") or ""
    if done is None:
        return
    counts = (done, _whole(facts, "pgfold.rows_total"))
    if "." not in table:  # a table is named with its schema; anything else is a remark
        step.whole = counts
        return
    step.whole = None
    if table in step.tables or len(step.tables) < _MOST_TABLES:
        step.tables[table] = counts


def _hear_check(fold: LiveFold, event: Event, facts: dict[str, Value]) -> None:
    name = _text(facts, "pgfold.check")
    if name is None:
        return
    check = LiveCheck(name, facts.get("pgfold.passed") is True, facts.get("pgfold.blocking") is not False,
                      _text(facts, "pgfold.sentence") or name, event.at_us)  # fmt: skip
    if name == "can_roll_back":
        if fold.undo is None or fold.undo.at_us <= check.at_us:
            fold.undo = check
    elif name in fold.checks or len(fold.checks) < _MOST_CHECKS:
        was = fold.checks.get(name)
        if was is None or was.at_us <= check.at_us:
            fold.checks[name] = check


def _text(facts: dict[str, Value], name: str) -> str | None:
    found = facts.get(name)
    return found if isinstance(found, str) and found else None


def _number(facts: dict[str, Value], name: str) -> float | None:
    found = facts.get(name)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _whole(facts: dict[str, Value], name: str) -> int | None:
    found = facts.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
