"""A fold through the UI's own API, with the webserver, the daemon and the code location that `pgfold up` starts."""

from __future__ import annotations

import pytest

from pipelines.cli import main
from pipelines.orchestration.home import environment_of
from pipelines.orchestration.run_shell import instance_of
from pipelines.steps import workflow
from tests.fix_dagster import Up


def test_a_failed_check_stops_a_run_that_goes_on_from_there_and_rolls_back(up: Up) -> None:
    shop, ui = up.shops["parcels"], up.webserver
    with shop.surroundings() as surroundings:
        workflow.store_plan(surroundings, workflow.plan(surroundings, shop.spec))
        workflow.export(surroundings, shop.spec)
        workflow.add(surroundings, "parcels")
        workflow.stage(surroundings, "parcels")
    shop.spoil()

    failed = ui.launch("parcels_fold")
    assert ui.wait(failed) == "FAILURE", ui.log(failed)
    ended = ui.steps(failed)
    assert ended["parcels__verify"] == "FAILURE"
    assert "SUCCESS" not in (ended.get("parcels__cut_over"), ended.get("parcels__cut_over_can_roll_back"))
    check = ui.checks("parcels", "verify")["read_back"]
    assert (check["success"], check["severity"]) == (False, "ERROR")
    assert "1 of 3 rows of public.web_parcels do not read back equal" in check["description"]
    assert shop.titles() == [(1, "a shelf")]

    shop.mend()
    again = ui.execute_again(failed)
    assert ui.wait(again) == "SUCCESS", ui.log(again)
    assert set(ui.steps(again)) == {"parcels__verify", "parcels__cut_over", "parcels__cut_over_can_roll_back"}
    assert shop.titles() == [(1, "a shelf"), (11, "a lamp"), (12, "a chair"), (13, "a table")]
    assert ui.checks("parcels", "cut_over")["in_force"]["success"] is True

    shop.database.run("UPDATE parcels SET title = 'a bench' WHERE id = 13")
    undone = ui.launch("parcels_rollback")
    assert ui.wait(undone) == "SUCCESS", ui.log(undone)
    assert shop.titles() == [(1, "a shelf")]
    assert shop.database.rows("SELECT label FROM web_parcels WHERE order_no = 13") == [("a bench",)]
    in_force = ui.checks("parcels", "cut_over")["in_force"]
    assert (in_force["success"], in_force["severity"]) == (False, "ERROR")


def test_a_run_of_the_command_is_seen_and_can_be_executed_again(
    up: Up, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, ui = up.shops["letters"], up.webserver
    for name, value in environment_of(shop.settings, {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(shop.folder)
    assert main(["run", "letters"]) == 0
    with instance_of(shop.settings.dagster_home) as instance:
        (run,) = (run for run in instance.get_runs() if run.job_name == "letters_fold")
    assert f"Run: {ui.address}/runs/{run.run_id}" in capsys.readouterr().out
    assert set(ui.steps(run.run_id).values()) == {"SUCCESS"}
    again = ui.execute_again(run.run_id, "ALL_STEPS")
    assert ui.wait(again) == "FAILURE"
    assert "letters is folded since" in ui.log(again)
    assert len(shop.titles()) == 4


def test_materialize_all_is_refused_by_the_launchpad(up: Up) -> None:
    steps = ("plan", "export", "add_columns", "map_fields", "verify", "cut_over", "drop")
    (said,) = up.webserver.refused_launch("__ASSET_JOB", [("letters", step) for step in steps])
    assert "confirm" in said
