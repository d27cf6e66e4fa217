"""What Dagster knows of the shipped consolidations; a change of a name here breaks somebody's schedule or alert."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest

from pipelines.core.spec_file import parse_spec
from pipelines.definitions import definitions
from pipelines.orchestration.definitions import build
from pipelines.orchestration.known_specs import known_specs, remember_spec

PROJECT = Path(__file__).parents[2]
STEPS = ("plan", "export", "add_columns", "map_fields", "verify", "cut_over", "drop")
JOBS = {"backup", "can_roll_back", "checks", "drop", "fold", "prepare", "rollback"}
CHECKS = {
    "cut_over:can_roll_back",
    "cut_over:in_force",
    "verify:backup_restores",
    "verify:orphans",
    "verify:rules",
}


@pytest.fixture(scope="module")
def shipped() -> dg.Definitions:
    """The code location of this project."""
    return definitions()


def spec_with(approval: str, name: str = "orders") -> dg.Definitions:
    text = (
        f"type: pipelines.Consolidation\nattributes:\n  target: a\n  approval: {approval}\n  sources: [{{table: b}}]\n"
    )
    return build(name, parse_spec(name, text, "defs.yaml"))


def test_assets_are_the_steps_of_each_consolidation_and_its_backup(shipped: dg.Definitions) -> None:
    keys = {key.to_user_string() for key in shipped.resolve_all_asset_keys()}
    assert keys == {f"{name}/{step}" for name in ("issues", "files") for step in (*STEPS, "backup")}


def test_each_step_follows_the_one_before(shipped: dg.Definitions) -> None:
    graph = shipped.resolve_asset_graph()
    followed = {step: graph.get(dg.AssetKey(["issues", step])).parent_keys for step in STEPS}
    expected = {step: {dg.AssetKey(["issues", before])} for before, step in pairwise(STEPS)}
    assert followed == {"plan": set(), **expected}


def test_checks_have_lasting_names(shipped: dg.Definitions) -> None:
    found = {key.to_user_string() for key in shipped.resolve_asset_graph().asset_check_keys}
    assert found == {f"{name}/{check}" for name in ("issues", "files") for check in CHECKS} | {
        "issues/verify:read_back"
    }


def test_a_failed_check_of_verify_blocks_and_the_others_do_not(shipped: dg.Definitions) -> None:
    graph = shipped.resolve_asset_graph()
    blocking = {key.name for key in graph.asset_check_keys if graph.get(key).blocking}
    assert blocking == {"read_back", "rules", "orphans", "backup_restores"}


def test_jobs_schedules_and_sensors_bear_the_name_of_their_consolidation(shipped: dg.Definitions) -> None:
    repository = shipped.get_repository_def()
    jobs = {name for name in repository.job_names if not name.startswith("__")}
    assert jobs == {f"{name}_{job}" for name in ("issues", "files") for job in JOBS}
    assert {s.name for s in repository.schedule_defs} == {"issues_can_roll_back", "files_can_roll_back"}
    sensors = {f"{name}_{sensor}" for name in ("issues", "files") for sensor in ("approved", "in_force", "failures")}
    assert {s.name for s in repository.sensor_defs} == sensors


def test_runs_of_a_consolidation_are_queued_one_behind_the_other(shipped: dg.Definitions) -> None:
    tags = {job.name: job.tags.get("pgfold/consolidation") for job in shipped.resolve_all_job_defs()}
    assert {tag for name, tag in tags.items() if name.startswith("issues_")} == {"issues"}
    concurrency = (PROJECT / "pipelines/dagster.yaml").read_text()
    assert "key: pgfold/consolidation" in concurrency
    assert "applyLimitPerUniqueValue: true" in concurrency


@pytest.mark.parametrize(
    ("approval", "confirmed"),
    [("none", set()), ("cut_over", {"cut_over", "drop"}), ("drop", {"drop"}), ("both", {"cut_over", "drop"})],
)
def test_a_step_that_waits_for_a_person_cannot_start_without_a_confirmation(approval: str, confirmed: set[str]) -> None:
    made = spec_with(approval)
    graph_job = made.resolve_implicit_global_asset_job_def()
    asked = {step for step in STEPS if _refuses(graph_job, step)}
    assert asked == confirmed


def _refuses(job: dg.JobDefinition, step: str) -> bool:
    """Whether the step alone, without configuration, is refused; with a confirmation it never is."""
    subset = job.get_subset(asset_selection={dg.AssetKey(["orders", step])})
    try:
        dg.validate_run_config(subset, {})
    except dg.DagsterInvalidConfigError:
        dg.validate_run_config(subset, {"ops": {f"orders__{step}": {"config": {"confirm": "3f9a1c"}}}})
        return True
    return False


def test_materialize_all_is_refused_before_anything_runs(shipped: dg.Definitions) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError, match="confirm"):
        dg.validate_run_config(shipped.resolve_implicit_global_asset_job_def(), {})


def test_a_teams_own_executor_and_two_consolidations_live_together() -> None:
    own = dg.Definitions(executor=dg.multiprocess_executor, assets=[dg.AssetSpec("orders")])
    merged = dg.Definitions.merge(spec_with("drop"), spec_with("drop", "parcels"), own)
    dg.Definitions.validate_loadable(merged)
    assert len(merged.resolve_all_asset_keys()) == 2 * 8 + 1


def test_backups_are_late_after_a_day(shipped: dg.Definitions) -> None:
    policies = {spec.key.path[-1]: spec.freshness_policy for spec in shipped.resolve_all_asset_specs()}
    assert {step for step, policy in policies.items() if policy is not None} == {"backup"}


def test_loading_touches_nothing_outside(tmp_path: Path) -> None:
    """Neither the database, nor a file, even where the environment names them."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:1/none",
        "PGFOLD_HOME": str(tmp_path / "home"),
    }
    code = "from pipelines.definitions import definitions as d; d().get_repository_def().load_all_definitions()"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr
    assert "secret" not in loaded.stdout + loaded.stderr
    assert list(tmp_path.iterdir()) == []


ORDERS = "type: pipelines.Consolidation\nattributes: {target: a, sources: [{table: b}]}\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Dagster's home, empty."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def spec_at(folder: Path, text: str = ORDERS) -> Path:
    folder.mkdir(parents=True)
    (folder / "defs.yaml").write_text(text)
    return folder / "defs.yaml"


def group_names() -> set[str]:
    return {key.path[0] for key in definitions().resolve_all_asset_keys()}


def test_a_spec_that_was_run_by_its_path_is_known_to_the_ui(home: Path) -> None:
    remember_spec(home, spec_at(home / "shop/orders"))
    assert group_names() == {"issues", "files", "orders"}


def test_a_teams_own_spec_takes_the_place_of_the_shipped_one_of_its_name(home: Path) -> None:
    remember_spec(home, spec_at(home / "shop/issues"))
    assert group_names() == {"issues", "files"}
    assert [str(spec.target) for spec in known_specs(home)] == ["public.a"]


def test_a_spec_that_moved_is_known_once(home: Path) -> None:
    for place in ("old", "new"):
        remember_spec(home, spec_at(home / place / "orders"))
    assert [spec.name for spec in known_specs(home)] == ["orders"]


def test_a_spec_that_went_wrong_or_away_leaves_the_others_alone(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, text in (("orders", ORDERS), ("letters", "type: pipelines.Consolidation\nattributes: {tarket: a}\n")):
        remember_spec(home, spec_at(home / name, text))
    remember_spec(home, home / "gone/defs.yaml")
    assert group_names() == {"issues", "files", "orders"}
    assert "letters/defs.yaml is left out" in caplog.text


def test_a_shipped_spec_is_not_remembered(home: Path) -> None:
    remember_spec(home, PROJECT / "pipelines/defs/issues/defs.yaml")
    assert known_specs(home) == ()
