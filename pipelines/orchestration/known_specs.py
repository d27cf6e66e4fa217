"""Specs outside of pipelines/defs that `pgfold run` was given: kept in Dagster's home, so that the UI has them too."""

from __future__ import annotations

import logging
from importlib.resources import files
from pathlib import Path

from pipelines.core.errors import SpecError
from pipelines.core.spec import Spec
from pipelines.core.spec_file import parse_spec

_LIST = "specs"
_LOG = logging.getLogger("pgfold")


def remember_spec(home: Path, spec_file: Path) -> None:
    """From now on the code location has this consolidation; one of the same name gives way to it."""
    spec_file = spec_file.absolute()
    if spec_file.is_relative_to(Path(str(files("pipelines.defs"))).absolute()):
        return
    known = [path for path in _listed(home) if path.parent.name != spec_file.parent.name]
    (home / _LIST).write_text("".join(f"{path}\n" for path in (*known, spec_file)), encoding="utf-8")


def known_specs(home: Path) -> tuple[Spec, ...]:
    """Those that are still there; a wrong one is logged and left out, for the others must go on working."""
    return tuple(spec for path in _listed(home) if (spec := _read(path)) is not None)


def _listed(home: Path) -> tuple[Path, ...]:
    listed = home / _LIST
    return tuple(map(Path, listed.read_text(encoding="utf-8").splitlines())) if listed.exists() else ()


def _read(path: Path) -> Spec | None:
    if not path.is_file():
        return None
    try:
        return parse_spec(path.parent.name, path.read_text(encoding="utf-8"), str(path))
    except (SpecError, OSError, UnicodeDecodeError) as error:
        _LOG.warning("%s is left out: %s", path, error)
        return None
