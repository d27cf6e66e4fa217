"""What runs tell of folds, laid over the books: the newest word wins, and nothing is made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.health import microseconds
from daemon.migrations.ledger import Books, FoldBooks, FoldRow, StepRow, TableRow
from daemon.migrations.live import LiveFolds
from daemon.migrations.plan_words import PlanWords, read_plan
from daemon.migrations.showing import Surroundings, show_migrations
from monitoring.wire import Event, Migration, Value

NOW = datetime(2026, 11, 24, 20, 15, 30, tzinfo=UTC)
AROUND = Surroundings(ZoneInfo("Australia/Melbourne"), "http://127.0.0.1:3000")
FOLD = FoldRow(
    name="issues", standing="folding", target_schema="public", target_name="exai_issues", cut_over_at=None,
    drop_after=timedelta(days=7), run=UUID(int=7), plan_hash="3f9a1c" + "0" * 58, status="in_progress",
    started_at=NOW - timedelta(minutes=4), finished_at=None, error_message=None, dagster_run_id="7c2e41",
    spec_text="target: exai_issues\n", plan_document=None,
    planned_at=NOW - timedelta(minutes=4, seconds=5), at_work=True, read_at=NOW,
)  # fmt: skip


def said(name: str, at: datetime = NOW, *, took_ns: int | None = None, **facts: Value) -> Event:
    attributes = {"pgfold.fold": "issues", **{f"pgfold.{key}": value for key, value in facts.items()}}
    return Event(at_us=microseconds(at), name=f"migration.{name}", kind="migration", duration_ns=took_ns,
                 attributes=attributes)  # fmt: skip


def step(name: str, status: str, facts: Mapping[str, object] | None = None, **at: float) -> StepRow:
    began = NOW - timedelta(seconds=at.get("began_s", 60))
    ended = NOW - timedelta(seconds=at.get("ended_s", 30)) if status == "done" else None
    return StepRow("issues", "fold", "in_progress", NOW, name, status, began, ended, dict(facts or {}), None)


def show(*events: Event, books: FoldBooks | None = None) -> Migration:
    live = LiveFolds()
    live.hear(events)
    (found,) = show_migrations(Books((books,)) if books is not None else None, live.folds, AROUND)
    return found


def states(migration: Migration) -> dict[str, str]:
    return {one.title: one.state for one in migration.steps}


def test_without_books_a_fold_is_what_its_run_tells() -> None:
    shown = show(
        said("step", NOW - timedelta(seconds=9), step="plan", state="running", plan_hash="3f9a1c"),
        said("step", step="plan", state="done", sentence="1,496,716 rows proven", took_ns=6_200_000_000),
        said("step", step="export", state="running", dagster_run="7c2e41"),
    )
    assert [one.title for one in shown.steps] == ["Plan", "Export", "Add columns", "Map", "Verify", "Cut over", "Drop"]
    assert list(states(shown).values()) == ["done", "running"] + ["to_come"] * 5
    assert (shown.steps[0].took_ns, shown.steps[0].sentence) == (6_200_000_000, "1,496,716 rows proven")
    assert (shown.state, shown.plan_hash) == ("running", "3f9a1c")
    assert shown.dagster_url == "http://127.0.0.1:3000/runs/7c2e41"
    assert (shown.sources, shown.target, shown.locks, shown.undo) == ([], None, None, None)


def sealing() -> FoldBooks:
    at = NOW - timedelta(seconds=21)
    fold = replace(FOLD, standing="folded", cut_over_at=at)
    tables = (
        TableRow("issues", "public", "exai_issues_tracker", "source", 1_284_310),
        TableRow("issues", "public", "issues", "source", 212_406),
        TableRow("issues", "public", "exai_issues", "target", 1_592_834),
    )
    window = step("window", "done", {"locked_ms": 6.0, "tries": 1, "replayed": 318})
    return FoldBooks(fold, tables, (step("cut_over", "running"), window))


def test_sealing_is_shown_by_table_with_what_is_to_do_and_how_long_it_takes() -> None:
    shown = show(
        said("step", step="cut_over", state="running"),
        said("step", step="cut_over", state="running", rows_done=318, table="318 keys replayed"),
        said("step", step="cut_over", state="running", rows_done=1_021_840, rows_total=1_284_310, rows_per_s=11_350,
             table="pgfold_issues_public.exai_issues_tracker"),
        books=sealing(),
    )  # fmt: skip
    assert shown.progress is not None
    assert shown.progress.title == "Sealing the rows as they were at cut-over"
    assert (shown.progress.rows_done, shown.progress.rows_total) == (1_021_840, 1_496_716)
    assert shown.progress.time_left_s == round((1_496_716 - 1_021_840) / 11_350, 1)
    assert [(t.table, t.rows_done, t.rows_total, t.state) for t in shown.progress.tables] == [
        ("exai_issues_tracker", 1_021_840, 1_284_310, "running"),
        ("issues", 0, 212_406, "next"),
    ]
    assert shown.steps[5].sentence == "Committed 07:15:09, sealing 80 %"
    assert shown.locks is not None
    assert shown.locks.sentence == "3 tables locked in 1 try; 318 changed rows replayed."
    assert [(c.name, c.state) for c in shown.checks] == [("sealed", "to_come")]


@given(st.permutations(range(4)))
def test_the_newest_word_wins_in_whatever_order_it_arrives(order: list[int]) -> None:
    told = [
        said("check", NOW + timedelta(seconds=n), check="can_roll_back", passed=n % 2 == 0, sentence=f"n{n}")
        for n in range(4)
    ]  # fmt: skip
    shown = show(*(told[number] for number in order))
    assert shown.undo is not None
    assert (shown.undo.possible, shown.undo.sentence) == (False, "N3.")


def test_word_of_an_earlier_run_is_not_word_of_this_one() -> None:
    old = NOW - timedelta(hours=5)
    shown = show(
        said("step", old, step="verify", state="failed", sentence="3 rows differ"),
        said("check", old, check="read_back_1", passed=False, sentence="3 rows differ"),
        said("cut_over", old, lock_window_ms=9.0),
        books=FoldBooks(FOLD),
    )
    assert states(shown)["Verify"] == "to_come"
    assert (shown.checks, shown.locks) == ([], None)


def test_a_verdict_from_before_the_cut_over_says_nothing_of_what_is_folded() -> None:
    shown = show(said("check", NOW - timedelta(seconds=40), check="can_roll_back", passed=True, sentence="yes"),
                 books=sealing())  # fmt: skip
    assert shown.undo is not None
    assert (shown.undo.possible, shown.undo.computed_us) == (None, None)


def test_a_failed_check_and_a_warning_are_told_apart() -> None:
    shown = show(
        said("check", check="read_back_1", passed=False, sentence="3 rows differ", blocking=True),
        said("check", check="captured_1", passed=False, sentence="1 row escaped", blocking=False),
        said("check", check="rules", passed=True, sentence="all hold"),
        said("step", step="verify", state="failed", sentence="3 rows differ"),
    )
    assert {c.name: c.state for c in shown.checks} == {
        "read_back_1": "failed", "captured_1": "warned", "rules": "passed",
    }  # fmt: skip
    assert (shown.state, shown.steps[4].sentence) == ("failed", "3 rows differ")


def test_a_failed_step_in_the_books_says_why_and_how_to_go_on() -> None:
    row = replace(step("map_fields", "failed"), error="no lock within 60 s\nnothing has changed")
    shown = show(books=FoldBooks(replace(FOLD, status="failed", at_work=False), steps=(row,)))
    assert (shown.state, shown.steps[3].sentence) == ("failed", "no lock within 60 s nothing has changed")
    assert shown.waits_for is not None
    assert shown.waits_for.command == "pgfold run issues"


@pytest.mark.parametrize(
    ("spec_text", "command"),
    [
        ("target: t\n", "pgfold approve issues drop"),
        ("approval: both\n", "pgfold approve issues drop"),
        ("  approval: none\n", "pgfold drop issues"),
        ("approval: cut_over", "pgfold drop issues"),
    ],
)
def test_what_a_fold_in_force_waits_for_is_as_its_spec_says(spec_text: str, command: str) -> None:
    cut_over = NOW - timedelta(days=8)
    fold = replace(FOLD, standing="folded", status="completed", cut_over_at=cut_over, spec_text=spec_text)
    shown = show(books=FoldBooks(fold))
    assert shown.state == "folded"
    assert shown.waits_for is not None
    assert shown.waits_for.command == command
    assert shown.steps[6].sentence == "from Tue 24 Nov, 07:15"


FACTS = ("fold", "step", "state", "rows_done", "rows_total", "table", "check", "passed", "rows_per_s", "lock_window_ms",
         "sentence")  # fmt: skip
events = st.builds(
    Event,
    at_us=st.integers(0, 10**15),
    name=st.sampled_from(["migration.step", "migration.check", "migration.cut_over", "migration.odd", "backup.drill"]),
    kind=st.sampled_from(["migration", "backup", "redis"]),
    attributes=st.none()
    | st.dictionaries(
        st.sampled_from([f"pgfold.{key}" for key in FACTS]),
        st.one_of(st.text(max_size=8), st.integers(-5, 9), st.floats(), st.booleans(),
                  st.sampled_from(["running", "done", "public.a", "cut_over", "export"])),
    ),
)  # fmt: skip


@given(st.lists(events, max_size=30), st.booleans())
def test_whatever_is_told_something_is_shown(told: list[Event], with_books: bool) -> None:
    live = LiveFolds()
    live.hear(told)
    books = Books((sealing(),)) if with_books else None
    for migration in show_migrations(books, live.folds, AROUND):
        assert len(migration.steps) in (7, 8)


def test_folds_told_of_are_bounded() -> None:
    live = LiveFolds()
    live.hear(
        Event(at_us=number, name="migration.step", kind="migration", attributes={"pgfold.fold": f"f{number}"})
        for number in range(500)
    )
    assert sorted(live.folds) == sorted(f"f{number}" for number in range(400, 500))


def test_a_plan_says_what_it_counted() -> None:
    document = (
        r"**issues: public.a \(1,284,310\), public.b \(212,406\) \-\> public.exai_issues \(96,118\)**, plan `3f9a1c`"
        "\n\n| what |  |  |\n| --- | --- | --- |\n| proof | 1,496,716 of 1,496,716 rows read back equal | 6.2 s |\n"
        "| locks | things | at add columns, about 40 ms |\n| locks | a | at cut over, about 10 ms |\n"
        "| locks | b | at cut over, about 1 min 2 s |\n"
    )
    assert read_plan(document) == PlanWords(96_118, 1_496_716, 62_000)
    assert read_plan("other words") == read_plan(None) == PlanWords()
