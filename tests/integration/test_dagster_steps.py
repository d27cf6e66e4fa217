"""A fold as Dagster runs it: checks that stop it, approvals, the way back, and what sensors see of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from pipelines.core.ledger_rows import FoldStanding
from pipelines.core.reconciliation import RollbackOptions
from pipelines.database import approvals
from pipelines.orchestration.definitions import build
from pipelines.orchestration.keys import asset_key, tags
from pipelines.orchestration.sensors import due_requests
from pipelines.orchestration.workers import at_work, fail_abandoned_runs
from pipelines.steps import workflow
from pipelines.steps.abandoned import note_abandoned
from pipelines.steps.running import locked_connection
from pipelines.steps.standing import Standing, find_standing
from tests.fix_dagster import Shop

FOLDED = [(1, "a shelf"), (11, "a lamp"), (12, "a chair"), (13, "a table")]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's memory, of this test alone."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def open_shop(new_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Shop]:
    """A shop that runs in this process work on."""

    def make(approval: str = "drop") -> Shop:
        shop = new_shop(approval=approval)
        monkeypatch.setenv("DATABASE_URL", shop.database.url)
        monkeypatch.setenv("PGFOLD_HOME", str(shop.folder))
        monkeypatch.setenv("USER", "ada")
        return shop

    return make


def definitions_of(shop: Shop) -> dg.Definitions:
    return build(shop.name, shop.spec)


def run_job(
    shop: Shop,
    instance: dg.DagsterInstance,
    job: str,
    config: Mapping[str, object] | None = None,
    steps: tuple[str, ...] = (),
) -> dg.ExecuteInProcessResult:
    """Run a job of the shop, or some of its assets; a failed step is an answer."""
    return (
        definitions_of(shop)
        .resolve_job_def(f"{shop.name}_{job}")
        .execute_in_process(
            run_config=dict(config or {}),
            instance=instance,
            raise_on_error=False,
            asset_selection=[asset_key(shop.name, step) for step in steps] or None,
        )
    )


def confirm(step: str, plan: str) -> dict[str, object]:
    return {"ops": {f"orders__{step}": {"config": {"confirm": plan}}}}


def standing_of(shop: Shop) -> Standing:
    with shop.surroundings() as surroundings:
        return find_standing(surroundings, shop.name)


def plan_of(shop: Shop) -> str:
    run = standing_of(shop).run
    assert run is not None
    return run.plan_hash


def failures(result: dg.ExecuteInProcessResult) -> dict[str | None, str]:
    """What each failed step said."""
    said = {}
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            failure = data.user_failure_data
            said[event.step_key] = str(failure.description if failure else data.error and data.error.message)
    return said


def check_of(result: dg.ExecuteInProcessResult, name: str) -> dg.AssetCheckEvaluation:
    return next(found for found in result.get_asset_check_evaluations() if found.check_name == name)


def test_a_fold_shows_what_it_did(open_shop: Callable[..., Shop], instance: dg.DagsterInstance) -> None:
    shop = open_shop()
    result = run_job(shop, instance, "fold")
    assert failures(result) == {}
    assert shop.titles() == FOLDED
    shown = {made.asset_key.path[-1]: made.metadata for made in materializations(result)}
    assert str(shown["plan"]["plan"].value).startswith("![2 columns of web_orders")
    assert shown["map_fields"]["dagster/row_count"].value == 3
    checks = shown["verify"]["checks"]
    assert isinstance(checks, dg.TableMetadataValue)
    assert {record.data["check"] for record in checks.records} >= {"read_back_1", "backup_restores"}
    assert shown["cut_over"]["tries"].value == 1
    in_short = shown["cut_over"]["report in short"]
    assert isinstance(in_short, dg.MarkdownMetadataValue)
    assert "| Result | ✓ **Nothing lost** | 3 of 3 source rows read back equal. |" in str(in_short.value)
    assert check_of(result, "in_force").passed
    assert check_of(result, "can_roll_back").passed


def materializations(result: dg.ExecuteInProcessResult) -> list[dg.AssetMaterialization]:
    return [event.materialization for event in result.get_asset_materialization_events()]


def test_a_failed_check_stops_the_run_before_the_cut_over(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop()
    assert run_job(shop, instance, "fold", steps=("plan", "export", "add_columns", "map_fields")).success
    shop.spoil()
    result = run_job(shop, instance, "fold")
    check = check_of(result, "read_back")
    assert (result.success, check.passed, check.severity) == (False, False, dg.AssetCheckSeverity.ERROR)
    assert "12: column label: 'a chair' became 'a stool'" in str(check.description)
    assert result.get_failed_step_keys() == {"orders__verify"}
    assert shop.titles() == [(1, "a shelf")]
    shop.mend()
    assert run_job(shop, instance, "fold").success
    assert shop.titles() == FOLDED


def test_a_plan_that_is_refused_shows_every_finding_and_touches_nothing(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop()
    shop.database.run("INSERT INTO web_orders VALUES (1, 'another shelf')")
    result = run_job(shop, instance, "fold")
    (event,) = result.get_step_failure_events()
    assert event.step_key == "orders__plan"
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    found = failure.metadata["findings"]
    assert isinstance(found, dg.TableMetadataValue)
    assert any("1" in str(record.data["found"]) for record in found.records)
    assert "Traceback" not in str(failure.description)
    assert shop.database.value("SELECT to_regnamespace('pgfold') IS NULL") is True


def test_the_checks_run_alone_before_a_fold_and_while_it_is_in_force(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop()
    before = run_job(shop, instance, "checks")
    assert (before.success, check_of(before, "read_back").passed) == (True, True)
    assert materializations(before) == []
    assert run_job(shop, instance, "fold").success
    shop.database.run("DELETE FROM pgfold." + str(shop.database.value(
        "SELECT relname FROM pg_class WHERE relname LIKE 'map_orders_%' AND relkind = 'r'")))  # fmt: skip
    after = run_job(shop, instance, "checks")
    assert check_of(after, "backup_restores").passed
    assert not check_of(after, "read_back").passed


def test_a_backup_is_an_asset_of_its_own(open_shop: Callable[..., Shop], instance: dg.DagsterInstance) -> None:
    shop = open_shop()
    (made,) = materializations(run_job(shop, instance, "backup"))
    folder = made.metadata["folder"]
    assert isinstance(folder, dg.PathMetadataValue)
    assert str(folder.path).startswith(str(shop.folder / "backups/orders"))


def test_a_step_refuses_a_confirmation_of_another_plan(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop("both")
    assert run_job(shop, instance, "prepare").success
    refused = run_job(shop, instance, "fold", confirm("cut_over", "000000"), steps=("cut_over",))
    assert f"waits for a yes to plan {plan_of(shop)[:6]}" in failures(refused)["orders__cut_over"]
    too_short = run_job(shop, instance, "fold", confirm("cut_over", plan_of(shop)[:5]), steps=("cut_over",))
    assert not too_short.success
    assert shop.titles() == [(1, "a shelf")]


def test_a_confirmation_is_recorded_as_an_approval(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop("both")
    assert run_job(shop, instance, "prepare").success
    assert run_job(shop, instance, "fold", confirm("cut_over", plan_of(shop)[:6]), steps=("cut_over",)).success
    given = standing_of(shop).approval_of("cut_over")
    assert given is not None
    assert (given.plan_hash, given.person) == (plan_of(shop), "ada")
    assert shop.titles() == FOLDED


def test_a_drop_waits_for_its_grace_period_whatever_is_confirmed(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop()
    shop.spec_file.write_text(shop.spec_file.read_text().replace("drop_after: 0h", "drop_after: 7d"))
    assert run_job(shop, instance, "fold").success
    early = run_job(shop, instance, "drop", confirm("drop", plan_of(shop)[:6]))
    assert not early.success
    assert standing_of(shop).state.standing is FoldStanding.FOLDED
    config = {"ops": {"orders__drop": {"config": {"confirm": plan_of(shop)[:6], "now": True}}}}
    assert run_job(shop, instance, "drop", config).success
    assert standing_of(shop).state.standing is FoldStanding.DROPPED


def test_a_rollback_turns_in_force_red_and_a_fold_turns_it_green_again(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop()
    assert run_job(shop, instance, "fold").success
    assert in_force_now(instance) == (True, None)
    assert run_job(shop, instance, "rollback").success
    assert in_force_now(instance) == (False, dg.AssetCheckSeverity.ERROR)
    assert shop.titles() == [(1, "a shelf")]
    assert run_job(shop, instance, "fold").success
    assert in_force_now(instance) == (True, None)


def in_force_now(instance: dg.DagsterInstance) -> tuple[bool, dg.AssetCheckSeverity | None]:
    """What the UI shows of cut_over: whether its latest answer is yes, and how bad a no is."""
    key = dg.AssetCheckKey(asset_key("orders", "cut_over"), "in_force")
    (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.event is not None
    evaluation = record.event.get_dagster_event().asset_check_evaluation_data
    return evaluation.passed, None if evaluation.passed else evaluation.severity


def test_a_blocked_rollback_is_a_warning_that_names_the_row(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop()
    assert run_job(shop, instance, "fold").success
    shop.database.run("ALTER TABLE orders ALTER title DROP NOT NULL; UPDATE orders SET title = NULL WHERE id = 12")
    result = run_job(shop, instance, "can_roll_back")
    check = check_of(result, "can_roll_back")
    assert (result.success, check.passed, check.severity) == (True, False, dg.AssetCheckSeverity.WARN)
    assert "12" in str(check.description)


def look(sensor: dg.SensorDefinition, shop: Shop, instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    """What one tick of a sensor says."""
    context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions_of(shop))
    return sensor(context)


def approved(shop: Shop) -> dg.SensorDefinition:
    return definitions_of(shop).get_sensor_def("orders_approved")


def test_an_approved_cut_over_that_waited_is_launched_once_with_its_confirmation(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop("both")
    assert skipped(look(approved(shop), shop, instance)) == "nothing approved is waiting"
    assert run_job(shop, instance, "prepare").success
    assert skipped(look(approved(shop), shop, instance)) == "nothing approved is waiting"
    approve(shop, "cut_over")
    (request,) = requests(look(approved(shop), shop, instance))
    assert (request.job_name, request.asset_selection) == ("orders_fold", [asset_key("orders", "cut_over")])
    (again,) = requests(look(approved(shop), shop, instance))
    assert again.run_key == request.run_key
    assert run_job(shop, instance, "fold", dict(request.run_config), steps=("cut_over",)).success
    assert skipped(look(approved(shop), shop, instance)) == "nothing approved is waiting"


def test_an_approved_drop_is_launched_when_its_grace_period_is_over(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop()
    assert run_job(shop, instance, "fold").success
    approve(shop, "drop")
    assert skipped(look(approved(shop), shop, instance)) == "nothing approved is waiting", "nobody asked for it"
    with shop.surroundings() as surroundings, closing(surroundings.connect("test")) as connection:
        approvals.request_approval(connection, "orders", "drop", plan_of(shop), surroundings.now())
    (request,) = requests(look(approved(shop), shop, instance))
    assert (request.job_name, request.asset_selection) == ("orders_drop", [asset_key("orders", "drop")])
    standing, now = standing_of(shop), datetime.now(UTC)
    week = replace(standing, state=replace(standing.state, drop_after=timedelta(days=7)))
    assert list(due_requests("orders", week, now)) == []
    assert len(list(due_requests("orders", week, now + timedelta(days=7)))) == 1


def test_nothing_is_launched_beside_a_run_under_way(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop("both")
    assert run_job(shop, instance, "prepare").success
    approve(shop, "cut_over")
    job = definitions_of(shop).resolve_job_def("orders_checks")
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags("orders"))
    assert skipped(look(approved(shop), shop, instance)) == "a run of orders is under way"


def test_in_force_follows_what_the_command_did(open_shop: Callable[..., Shop], instance: dg.DagsterInstance) -> None:
    shop = open_shop()
    sensor = definitions_of(shop).get_sensor_def("orders_in_force")
    assert skipped(look(sensor, shop, instance)) == "orders stands as before: none"
    fold_by_hand(shop)
    folded = look(sensor, shop, instance)
    assert [event.passed for event in folded.asset_events] == [True]
    assert skipped(look(sensor, shop, instance, folded.cursor)) == "orders stands as before: folded"
    with shop.surroundings() as surroundings:
        workflow.rollback(surroundings, "orders", RollbackOptions())
    undone = look(sensor, shop, instance, folded.cursor)
    assert [(event.passed, event.severity) for event in undone.asset_events] == [(False, dg.AssetCheckSeverity.ERROR)]


def test_a_run_that_died_without_a_word_is_failed_in_the_ledger_and_goes_on(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop()
    assert run_job(shop, instance, "fold", steps=("plan", "export", "add_columns")).success
    dead = standing_of(shop).run
    assert dead is not None
    with shop.surroundings() as surroundings:
        assert not note_abandoned(surroundings, "orders", "another run", "killed")
        with locked_connection(surroundings, "orders", "test"):
            assert not note_abandoned(surroundings, "orders", str(dead.dagster_run_id), "killed"), (
                "somebody works on it"
            )
        assert note_abandoned(surroundings, "orders", str(dead.dagster_run_id), "killed")
        assert not note_abandoned(surroundings, "orders", str(dead.dagster_run_id), "killed"), "it is told once"
    assert migration_of(shop) == ("failed", "killed")
    assert run_job(shop, instance, "fold").success
    assert migration_of(shop) == ("completed", None)


def test_a_run_whose_process_is_gone_is_failed_and_frees_the_queue(
    open_shop: Callable[..., Shop], instance: dg.DagsterInstance
) -> None:
    shop = open_shop()
    job = definitions_of(shop).resolve_job_def("orders_checks")
    started = [instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED) for _ in range(2)]
    alive, killed = (run.run_id for run in started)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, instance.root_directory, killed], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder, at_work(instance, alive):
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert fail_abandoned_runs(instance) == ()
        holder.kill()
        holder.wait()
        assert fail_abandoned_runs(instance) == (killed,)
        assert fail_abandoned_runs(instance) == ()
    found = {run.run_id: run.status for run in instance.get_runs()}
    assert found == {alive: dg.DagsterRunStatus.STARTED, killed: dg.DagsterRunStatus.FAILURE}


HOLD = """
import sys
from types import SimpleNamespace
from pipelines.orchestration.workers import at_work
with at_work(SimpleNamespace(root_directory=sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def approve(shop: Shop, step: str) -> None:
    with shop.surroundings() as surroundings, closing(surroundings.connect("test")) as connection:
        approvals.approve(connection, "orders", step, plan_of(shop), "ada", surroundings.now())


def fold_by_hand(shop: Shop) -> None:
    """As another program would: without Dagster."""
    with shop.surroundings() as surroundings:
        workflow.store_plan(surroundings, workflow.plan(surroundings, shop.spec))
        workflow.export(surroundings, shop.spec)
        for step in (workflow.add, workflow.stage, workflow.check, workflow.cut):
            step(surroundings, "orders")


def requests(found: dg.SensorResult | dg.SkipReason) -> list[dg.RunRequest]:
    assert isinstance(found, dg.SensorResult), found
    return list(found.run_requests or [])


def skipped(found: dg.SensorResult | dg.SkipReason) -> str | None:
    assert isinstance(found, dg.SkipReason), found
    return found.skip_message


def migration_of(shop: Shop) -> tuple[object, ...]:
    (row,) = shop.database.rows("SELECT status, error_message FROM schema_migrations")
    return row
