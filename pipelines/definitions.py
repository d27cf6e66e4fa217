"""The only entry for Dagster: every consolidation in `pipelines/defs`. Importing it touches nothing outside."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from pipelines import defs as folder


@dg.definitions
def definitions() -> dg.Definitions:
    """The definitions of all consolidations, read from their files when Dagster asks for them."""
    return dg.ComponentTree.from_module(folder, project_root=Path(__file__).parents[1]).build_defs()
