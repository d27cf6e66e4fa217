"""A run tells the monitoring how it goes: the steps, the rows, the checks, the locks, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitoring.wire import Event
from tests.fix_dagster import Shop
from tests.ingest import Ingest


def facts(events: list[Event], *names: str) -> list[tuple[object, ...]]:
    return [tuple((event.attributes or {}).get(f"pgfold.{name}") for name in names) for event in events]


def test_a_run_is_seen_while_it_goes_on(
    new_shop: Callable[..., Shop], ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITORING_INGEST", ingest.url)
    shop = new_shop()
    assert shop.command("run", "orders").returncode == 0
    steps = facts(ingest.named("migration.step"), "fold", "step", "state")
    for step in ("plan", "export", "add_columns", "map_fields", "verify", "cut_over"):
        of_step = [state for fold, name, state in steps if (fold, name) == ("orders", step)]
        assert (of_step[0], of_step[-1]) == ("running", "done"), step
    assert ("public.web_orders", 3, 3) in facts(ingest.named("migration.step"), "table", "rows_done", "rows_total")
    assert ("read_back_1", True) in facts(ingest.named("migration.check"), "check", "passed")
    ((window,),) = facts(ingest.named("migration.cut_over"), "lock_window_ms")
    assert isinstance(window, float)
    assert 0 < window < 60_000
    assert {event.kind for event in ingest.events} == {"migration"}
    assert all(len(str(run)) == 36 for (run,) in facts(ingest.named("migration.step"), "dagster_run"))

    shop.database.run("UPDATE orders SET title = 'a bench' WHERE id = 13")
    assert shop.command("rollback", "orders").returncode == 0
    ((undone,),) = facts(ingest.named("migration.rollback"), "lock_window_ms")
    assert isinstance(undone, float)


def test_a_failed_check_is_an_error_and_says_which_row(
    new_shop: Callable[..., Shop], ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITORING_INGEST", ingest.url)
    shop = new_shop()
    shop.database.run("CREATE VIEW uses AS SELECT * FROM web_orders")
    assert shop.command("run", "orders").returncode == 3
    ((state, sentence),) = facts(ingest.named("migration.step")[-1:], "state", "sentence")
    assert state == "failed"
    assert "refused" in str(sentence)
    assert [event.outcome for event in ingest.named("migration.step")] == ["ok", "error"]


def test_a_fold_that_waits_for_a_person_says_so(
    new_shop: Callable[..., Shop], ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITORING_INGEST", ingest.url)
    shop = new_shop(approval="cut_over")
    assert shop.command("run", "orders").returncode == 4
    states = facts(ingest.named("migration.step"), "step", "state", "sentence")
    ((state, sentence),) = [(state, sentence) for step, state, sentence in states if step == "cut_over"]
    assert state == "waiting"
    assert "pgfold approve orders cut_over" in str(sentence)
