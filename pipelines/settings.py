"""Settings: what the environment says, read once where a command or Dagster begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.core.errors import SpecError


@dataclass(frozen=True, slots=True)
class Settings:
    """`database_url` is None where the embedded server stands in; folders are absolute."""

    database_url: str | None
    tracking_schema: str
    folder: Path  # where pgfold works: backups, the embedded server and Dagster's home lie in it
    person: str

    @property
    def backups(self) -> Path:
        """One folder a consolidation below it."""
        return self.folder / "backups"

    @property
    def embedded(self) -> Path:
        """The embedded server's data."""
        return self.folder / ".pgfold" / "postgres"

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance."""
        return self.folder / ".dagster"


def read_settings(environment: Mapping[str, str], folder: Path, database_url: str | None = None) -> Settings:
    """From the environment's DATABASE_URL, TRACKING_SCHEMA and PGFOLD_HOME; an argument outranks it.

    Raises:
        SpecError: the argument is empty, as that of a shell's variable that is not set.
    """
    if database_url is not None and not database_url.strip():
        raise SpecError("--database-url is empty: set the variable that it comes from, or leave the option out")
    home = Path(environment["PGFOLD_HOME"]) if environment.get("PGFOLD_HOME") else folder
    return Settings(
        database_url=database_url or environment.get("DATABASE_URL") or None,
        tracking_schema=environment.get("TRACKING_SCHEMA") or "public",
        folder=home.absolute(),
        person=environment.get("PGFOLD_PERSON") or environment.get("USER") or environment.get("LOGNAME") or "somebody",
    )
