"""Consolidation: the Dagster Component that a defs.yaml names as `type: pipelines.Consolidation`."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from pydantic import BaseModel

from pipelines.core.spec import Spec
from pipelines.core.spec_file import parse_spec, spec_from_model
from pipelines.core.spec_model import ConsolidationModel

_FILE_NAMES = ("defs.yaml", "component.yaml")


class Consolidation(dg.Component):
    """Several Postgres tables become one; can be undone at any time, with later edits kept.

    `pgfold` proves every row, archives the sources, and gives them back. The folder's name names the asset group,
    the jobs and the backup folder.
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """The form of `attributes`, with which Dagster reports file and line of what does not fit it."""
        return ConsolidationModel

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Consolidation:
        """The component of the folder that `context` is at.

        Raises:
            SpecError: the file is wrong in a way that its form does not show; each mistake has its line.
        """
        return cls(_spec(attributes, context.path, context.project_root))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The assets, checks, jobs, schedules and sensors of this consolidation."""
        from pipelines.orchestration.definitions import build  # pulls in the database drivers

        return build(self.spec.name, self.spec)


def _spec(attributes: BaseModel | None, folder: Path, project_root: Path) -> Spec:
    """From the text of the file, which alone has the lines and the keys written twice."""
    file = next((folder / name for name in _FILE_NAMES if (folder / name).is_file()), None)
    if file is not None:
        return parse_spec(folder.name, file.read_text(encoding="utf-8"), _label(file, project_root))
    return spec_from_model(folder.name, ConsolidationModel.model_validate(attributes), "", {})


def _label(file: Path, project_root: Path) -> str:
    return str(file.relative_to(project_root)) if file.is_relative_to(project_root) else str(file)
