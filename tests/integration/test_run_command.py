"""`pgfold run` and `pgfold approve`: what a person sees, exit statuses, and going on after an interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg
import pytest

from pipelines.cli import main
from pipelines.core.ledger_rows import FoldState
from pipelines.orchestration.fold_run import Part, fold_run
from pipelines.orchestration.home import environment_of
from pipelines.orchestration.launching import launch
from pipelines.orchestration.run_shell import instance_of
from pipelines.steps import workflow
from pipelines.steps.outcome import Outcome
from pipelines.steps.standing import Standing, find_standing
from tests.dump import dump
from tests.fix_dagster import Shop

FOLDED = [(1, "a shelf"), (11, "a lamp"), (12, "a chair"), (13, "a table")]
_WAIT_S = 60


@dataclass(frozen=True, slots=True)
class Said:
    """An exit status, and what was written."""

    status: int
    out: str
    err: str


@pytest.fixture
def pgfold(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """`pgfold(shop, "run", ...)` runs the command in this process."""

    def run(shop: Shop, *arguments: str) -> Said:
        for name, value in environment_of(shop.settings, {}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(shop.folder)
        capsys.readouterr()
        try:
            status = main(arguments)
        except SystemExit as ended:  # argparse
            status = int(str(ended.code))
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run


def test_a_fold_is_told_in_a_line_a_step_and_ends_with_what_comes_next(
    new_shop: Callable[..., Shop], pgfold: Callable[..., Said]
) -> None:
    shop = new_shop()
    said = pgfold(shop, "run", "orders")
    assert (said.status, said.err) == (0, "")
    steps = [line[2:14].strip() for line in said.out.splitlines() if line.startswith("  ")]
    assert steps == ["plan", "export", "add columns", "map fields", "verify", "cut over", "sealed"]
    assert "Folded: 4 rows in public.orders. 0 columns lossy. Can be undone: yes." in said.out
    assert "Report: backups/orders/" in said.out
    assert "Next: pgfold drop orders, from " in said.out
    assert "and once approved. Undo: pgfold rollback orders" in said.out
    assert shop.titles() == FOLDED
    with instance_of(shop.settings.dagster_home) as instance:
        (run,) = instance.get_runs()
    assert (run.job_name, run.status, run.run_id in said.out) == ("orders_fold", dg.DagsterRunStatus.SUCCESS, True)
    assert run.tags["pgfold/consolidation"] == "orders"
    with shop.surroundings() as surroundings:
        recorded = find_standing(surroundings, "orders").run
    assert recorded is not None
    assert recorded.dagster_run_id == run.run_id


def test_a_failed_check_is_status_1_and_leaves_the_target_alone(
    new_shop: Callable[..., Shop], pgfold: Callable[..., Said]
) -> None:
    shop = new_shop()
    with shop.surroundings() as surroundings:
        workflow.store_plan(surroundings, workflow.plan(surroundings, shop.spec))
        workflow.export(surroundings, shop.spec)
        workflow.add(surroundings, "orders")
        workflow.stage(surroundings, "orders")
    shop.spoil()
    said = pgfold(shop, "run", "orders")
    assert said.status == 1
    assert "1 of 3 rows of public.web_orders do not read back equal" in said.out
    assert "12: column label: 'a chair' became 'a stool'" in said.out
    assert "cut over" not in said.out
    assert said.err == "verify: read_back_1 failed; the target is untouched. Correct it, then run it again\n"
    assert shop.titles() == [(1, "a shelf")]
    status = pgfold(shop, "status").out
    assert "last run    fold, failed" in status
    assert "stopped by  1 of 3 rows of public.web_orders do not read back equal" in status
    assert "verify             failed" in status
    assert "next        pgfold run orders goes on" in status


def test_a_wrong_spec_is_status_2_and_names_the_line(
    new_shop: Callable[..., Shop], pgfold: Callable[..., Said]
) -> None:
    shop = new_shop()
    shop.spec_file.write_text(shop.spec_file.read_text().replace("approval", "aproval"))
    said = pgfold(shop, "run", "orders/defs.yaml")
    assert said.status == 2
    assert "defs.yaml:5" in said.err
    assert "Traceback" not in said.err


def test_a_refused_plan_is_status_3_and_touches_nothing(
    new_shop: Callable[..., Shop], pgfold: Callable[..., Said]
) -> None:
    shop = new_shop()
    shop.database.run("INSERT INTO web_orders VALUES (1, 'another shelf')")
    before = dump(shop.database)
    said = pgfold(shop, "run", "orders")
    assert said.status == 3
    assert "refused: 1 finding, nothing was touched" in said.err
    assert dump(shop.database) == before
    assert shop.database.value("SELECT to_regnamespace('pgfold') IS NULL") is True


def test_a_plan_names_another_programs_schema_migrations(
    new_shop: Callable[..., Shop], pgfold: Callable[..., Said]
) -> None:
    shop = new_shop()
    shop.database.run("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
    before = dump(shop.database)
    said = pgfold(shop, "plan", "orders")
    assert said.status == 3
    assert "public.schema_migrations is not the one that pgfold writes to" in said.err
    assert "set TRACKING_SCHEMA to another schema" in said.err
    assert dump(shop.database) == before


def test_a_wrong_drop_not_null_is_a_finding(new_shop: Callable[..., Shop], pgfold: Callable[..., Said]) -> None:
    shop = new_shop()
    shop.spec_file.write_text(
        shop.spec_file.read_text().replace("  drop_after", "  drop_not_null: [nope]\n  drop_after")
    )
    said = pgfold(shop, "plan", "orders")
    assert said.status == 3
    assert "drop_not_null: public.orders has no column nope" in said.out + said.err


def test_a_cut_over_waits_for_an_approval_and_goes_on_with_it(
    new_shop: Callable[..., Shop], pgfold: Callable[..., Said]
) -> None:
    shop = new_shop(approval="both")
    waits = pgfold(shop, "run", "orders")
    assert waits.status == 4
    assert "verify" in waits.out
    assert "pgfold approve orders cut_over" in waits.err
    assert shop.titles() == [(1, "a shelf")]
    given = pgfold(shop, "approve", "orders", "cut_over")
    assert given.status == 0
    assert "approved: cut_over of orders, plan " in given.out
    assert "by ada at " in given.out
    assert pgfold(shop, "run", "orders").status == 0
    assert shop.titles() == FOLDED


def test_an_approval_given_beforehand_lets_the_run_through_unless_the_plan_changed(
    new_shop: Callable[..., Shop], pgfold: Callable[..., Said]
) -> None:
    shop = new_shop(approval="cut_over")
    assert pgfold(shop, "approve", "orders", "cut_over").status == 0
    shop.database.run("ALTER TABLE web_orders ALTER label TYPE varchar(40)")
    assert pgfold(shop, "run", "orders").status == 4, "the plan is another one"
    assert pgfold(shop, "rollback", "orders").status == 0
    assert pgfold(shop, "approve", "orders", "cut_over").status == 0
    assert pgfold(shop, "run", "orders").status == 0
    assert shop.titles() == FOLDED


def test_a_drop_is_not_approved_before_there_is_a_fold(
    new_shop: Callable[..., Shop], pgfold: Callable[..., Said]
) -> None:
    said = pgfold(new_shop(), "approve", "orders", "drop")
    assert said.status == 3
    assert "is not folded, so there is nothing to drop yet" in said.err


def test_a_fold_in_force_is_not_folded_again_and_dropped_once_approved(
    new_shop: Callable[..., Shop], pgfold: Callable[..., Said]
) -> None:
    shop = new_shop()
    assert pgfold(shop, "run", "orders").status == 0
    again = pgfold(shop, "run", "orders")
    assert (again.status, again.out) == (3, "")
    assert "orders is folded since" in again.err
    assert pgfold(shop, "drop", "orders").status == 4
    assert pgfold(shop, "approve", "orders", "drop").status == 0
    assert pgfold(shop, "drop", "orders").status == 0


def test_no_password_is_left_anywhere(new_shop: Callable[..., Shop], pgfold: Callable[..., Said]) -> None:
    shop = new_shop(approval="both")
    url = shop.database.url.replace("//postgres@", "//postgres:s3cr3t@")
    assert url != shop.database.url
    said = pgfold(shop, "run", "orders", "--database-url", url)
    assert said.status == 4
    assert "s3cr3t" not in repr(said)
    left = [path for path in shop.folder.rglob("*") if path.is_file() and b"s3cr3t" in path.read_bytes()]
    assert left == []


@contextmanager
def waiting_run(shop: Shop) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own that waits in add_columns for an application's open transaction."""
    with shop.database.connect() as connection, connection.transaction():
        connection.execute("UPDATE public.web_orders SET label = 'a stool' WHERE order_no = 12")
        with shop.start("run", "orders") as process:
            wait_until(lambda: steps(shop).get("add_columns") == "running")
            yield process


def steps(shop: Shop) -> dict[str, str]:
    if shop.database.value("SELECT to_regclass('pgfold.steps') IS NULL"):
        return {}
    return {str(name): str(status) for name, status in shop.database.rows("SELECT name, status FROM pgfold.steps")}


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


CHANGED = [(1, "a shelf"), (11, "a lamp"), (12, "a stool"), (13, "a table")]
SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgfold%' AND datname = current_database()"
)


def test_ctrl_c_stops_a_run_at_once_and_a_rerun_goes_on(
    new_shop: Callable[..., Shop], pgfold: Callable[..., Said]
) -> None:
    shop = new_shop()
    with waiting_run(shop) as process:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=_WAIT_S)
        assert (process.returncode, errors) == (130, "stopped; what was committed stays, run it again to go on\n")
        wait_until(lambda: shop.database.value(SESSIONS) == 0)
    assert pgfold(shop, "run", "orders").status == 0
    assert shop.titles() == CHANGED
    assert statuses(shop) == ["SUCCESS", "FAILURE"]


def test_ctrl_c_between_two_steps_stops_the_run_as_well(
    new_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = new_shop()
    for name, value in environment_of(shop.settings, {}).items():
        monkeypatch.setenv(name, value)
    wanted = fold_run(shop.spec, Standing(FoldState("orders")), Part.WHOLE)

    def stop_after_the_export(told: object) -> None:
        if isinstance(told, Outcome) and told.step == "export":
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        launch(shop.settings, wanted, stop_after_the_export, shop.spec_file)
    assert steps(shop) == {"export": "done"}
    assert statuses(shop) == ["FAILURE"]


def test_a_killed_run_is_failed_in_dagsters_memory_when_the_next_one_goes_on(
    new_shop: Callable[..., Shop], pgfold: Callable[..., Said]
) -> None:
    shop = new_shop()
    with waiting_run(shop) as process:
        process.kill()
        process.communicate(timeout=_WAIT_S)
    assert statuses(shop) == ["STARTED"]
    assert pgfold(shop, "run", "orders").status == 0
    assert shop.titles() == CHANGED
    assert statuses(shop) == ["SUCCESS", "FAILURE"]


def test_a_run_that_was_killed_between_cut_over_and_seal_goes_on(
    new_shop: Callable[..., Shop], pgfold: Callable[..., Said]
) -> None:
    shop = new_shop()
    shop.database.run("INSERT INTO web_orders SELECT g, 'a bulb ' || g FROM generate_series(100, 30000) g")
    with shop.start("run", "orders") as process:
        deadline = time.monotonic() + _WAIT_S
        while shop.database.value("SELECT to_regclass('public.web_orders') IS NOT NULL"):
            assert time.monotonic() < deadline
        process.kill()
        process.communicate(timeout=_WAIT_S)
    wait_until(lambda: shop.database.value(SESSIONS) == 0)
    status = pgfold(shop, "status")
    assert "last run    fold, interrupted" in status.out
    assert "cut_over           interrupted nobody works on it" in status.out
    assert "pgfold run orders goes on, pgfold rollback orders undoes it" in status.out
    refused = pgfold(shop, "verify", "orders")
    assert (refused.status, "pgfold run orders writes it" in refused.out + refused.err) == (1, True)

    done = pgfold(shop, "run", "orders")
    assert (done.status, done.err) == (0, "")
    assert "sealed" in done.out
    assert "Can be undone: yes" in done.out
    assert pgfold(shop, "verify", "orders").status == 0
    assert pgfold(shop, "run", "orders").status == 3
    assert pgfold(shop, "rollback", "orders").status == 0


def statuses(shop: Shop) -> list[str]:
    """Dagster's runs, the latest first."""
    with instance_of(shop.settings.dagster_home) as instance:
        return [run.status.value for run in instance.get_runs()]
