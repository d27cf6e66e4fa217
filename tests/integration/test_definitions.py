"""`dagster definitions validate` names file and line of what is wrong, in this project and in a team's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

PROJECT = Path(__file__).parents[2]

WRONG_FORM = """\
type: pipelines.Consolidation
attributes:
  target: a
  sources:
    - table: b
      columns:
        x:
          to: y
          vales: {p: q}
        z: {to: w, forward: "{z}; DROP TABLE b", inverse: "{w}"}
      match: {x: y}
"""
WRONG_AS_A_WHOLE = """\
type: pipelines.Consolidation
attributes:
  target: a
  sources:
    - table: b
      columns:
        x: y
        z: y
        x: w
"""
TEAM = """\
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "team"
code_location_target_module = "team.definitions"
code_location_name = "team"
"""
TEAM_DEFINITIONS = """\
from pathlib import Path

import dagster as dg


@dg.definitions
def definitions():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of this project."""
    shutil.copytree(PROJECT / "pipelines", tmp_path / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "workspace.yaml"):
        shutil.copy(PROJECT / name, tmp_path)
    return tmp_path


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """A team's own Dagster project that uses the installed Component."""
    (tmp_path / "team/defs/orders").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(TEAM)
    (tmp_path / "team/definitions.py").write_text(TEAM_DEFINITIONS)
    for package in ("team", "team/defs"):
        (tmp_path / package / "__init__.py").touch()
    return tmp_path


def validate(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit status and output of `dagster definitions validate` in the folder."""
    home = folder / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", *arguments],
        cwd=folder,
        env={**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": f"{folder}{os.pathsep}{PROJECT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_wrong_form_is_named_with_file_and_line(project: Path) -> None:
    file = project / "pipelines/defs/issues/defs.yaml"
    file.write_text(WRONG_FORM)
    status, output = validate(project, "-w", "workspace.yaml")
    assert status == 1
    assert f"columns.x.vales at {file}:9" in output
    assert f"columns.z.forward at {file}:10" in output
    assert "has a semicolon" in output
    assert f"sources.0.match at {file}:11" in output
    assert "not supported yet" in output


def test_what_only_the_whole_file_shows_is_named_too(team: Path) -> None:
    (team / "team/defs/orders/defs.yaml").write_text(WRONG_AS_A_WHOLE)
    status, output = validate(team)
    assert status == 1
    assert (
        dedent("""\
        SpecError: orders: 2 mistakes
          team/defs/orders/defs.yaml:8  column x (line 7) and column z both write y; give each a place of its own
          team/defs/orders/defs.yaml:9  "x" stands twice here, first in line 7; keep one of them
        """)
        in output
    )


@pytest.mark.parametrize("arguments", [(), ("-w", "workspace.yaml")], ids=["pyproject", "workspace"])
def test_the_shipped_consolidations_are_valid(project: Path, arguments: tuple[str, ...]) -> None:
    status, output = validate(project, *arguments)
    assert status == 0, output
    assert "Validation successful for code location pgfold" in output


def test_a_teams_own_consolidation_is_valid(team: Path) -> None:
    (team / "team/defs/orders/defs.yaml").write_text(
        "type: pipelines.Consolidation\nattributes: {target: a, sources: [{table: b}]}\n"
    )
    status, output = validate(team)
    assert status == 0, output
