"""The package stands alone: it installs with little, loads little, and its README is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "monitoring/README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "monitoring/pyproject.toml").read_text(encoding="utf-8"))["project"]
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
FOREIGN = ["dagster", "aiohttp", "pydantic", "sqlalchemy", "psycopg", "redis", "httpx", "alembic", "uvloop"]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_it_needs_little_and_no_part_of_pgfold() -> None:
    names = {re.split(r"[<>=; ]", needed)[0] for needed in PROJECT["dependencies"]}
    assert (PROJECT["name"], names) == ("pgfold-monitoring", {"msgspec", "tzdata", "websockets"})
    assert set(PROJECT["optional-dependencies"]) == {"psycopg", "sqlalchemy", "redis", "websockets", "httpx"}


def test_importing_and_starting_it_loads_no_foreign_library_and_says_nothing(tmp_path: Path) -> None:
    code = f"""
import sys, pkgutil, importlib, monitoring
for module in pkgutil.iter_modules(monitoring.__path__, "monitoring."):
    importlib.import_module(module.name)
monitoring.start("test")
monitoring.stop(0.01)
print([name for name in {FOREIGN} if name in sys.modules])
"""
    ended = run(code, MONITORING_SPOOL=str(tmp_path), MONITORING_INGEST="ws://127.0.0.1:1/ingest")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "[]\n", "")


def test_the_wheel_holds_every_module_and_works_outside_of_the_repository(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--wheel-dir", str(tmp_path), str(_copy(tmp_path / "sources"))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("pgfold_monitoring-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "monitoring").rglob("*.py")}
    assert modules <= names
    assert "monitoring/py.typed" in names
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); import monitoring; print(monitoring.__file__)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert str(wheel) in ended.stdout, ended.stderr


def test_every_block_of_the_readme_runs(tmp_path: Path) -> None:
    together = f"for block in {BLOCKS!r}: exec(compile(block, block, 'exec'), {{'__name__': '__main__'}})"
    ended = run(together, MONITORING_SPOOL=str(tmp_path), MONITORING_INGEST="ws://127.0.0.1:1/ingest")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_readme_shows_every_integration() -> None:
    modules = {path.stem for path in (ROOT / "monitoring/integrations").glob("*.py")}
    apart = {"__init__", "patches", "statements", "model_answers"}  # what integrations share
    shown = {name for block in BLOCKS for name in re.findall(r"monitoring\.integrations\.(\w+)", block)}
    assert shown == modules - apart


def _copy(folder: Path) -> Path:
    """The building leaves files beside the sources, which are not the test's to touch."""
    for path in (ROOT / "monitoring").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            target = folder / path.relative_to(ROOT / "monitoring")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return folder
