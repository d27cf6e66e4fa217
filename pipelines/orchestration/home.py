"""Dagster's home: its configuration and the code location, written before any of its processes starts.

Nothing of Dagster is imported here: the command answers before that second has gone by.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from pipelines.settings import Settings

CONFIGURATION, WORKSPACE, ADDRESS = "dagster.yaml", "workspace.yaml", "address"
_LOCATION = """\
load_from:
  - python_module:
      module_name: pipelines.definitions
      location_name: pgfold
"""


def prepare_home(settings: Settings) -> Path:
    """The folder, made where it is missing; a configuration that somebody changed stays as it is."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    configuration = home / CONFIGURATION
    if not configuration.exists():
        configuration.write_text(files("pipelines").joinpath(CONFIGURATION).read_text(encoding="utf-8"), "utf-8")
    (home / WORKSPACE).write_text(_LOCATION, "utf-8")
    return home


def environment_of(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a Dagster process that works as this command does; an argument would show the password."""
    own = {
        "DAGSTER_HOME": str(settings.dagster_home),
        "PGFOLD_HOME": str(settings.folder),
        "TRACKING_SCHEMA": settings.tracking_schema,
        "PGFOLD_PERSON": settings.person,
        **({"DATABASE_URL": settings.database_url} if settings.database_url else {}),
    }
    return {**environment, **own}


def write_address(home: Path, address: str) -> None:
    """Where the UI is, for the commands in other terminals."""
    (home / ADDRESS).write_text(f"{address}\n", "utf-8")


def ui_address(settings: Settings) -> str | None:
    """Where the UI was said to be last; it may be gone."""
    file = settings.dagster_home / ADDRESS
    return file.read_text("utf-8").strip() if file.exists() else None
