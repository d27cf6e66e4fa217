"""The only entry for Dagster: every consolidation in `pipelines/defs`. Importing it touches nothing outside."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg

from pipelines import defs as folder
from pipelines.core.spec import Spec
from pipelines.orchestration.definitions import build
from pipelines.orchestration.known_specs import known_specs


@dg.definitions
def definitions() -> dg.Definitions:
    """The definitions of all consolidations, read from their files when Dagster asks for them.

    Also those that `pgfold run` was given by their paths, which Dagster's home remembers.
    """
    home = os.environ.get("DAGSTER_HOME")
    given = {spec.name: spec for spec in known_specs(Path(home))} if home else {}
    # one process by default: 'Materialize all' would else start one a step
    default = dg.Definitions(executor=dg.in_process_executor)
    return dg.Definitions.merge(*_shipped(given), *(build(name, spec) for name, spec in given.items()), default)


def _shipped(hidden: Mapping[str, Spec]) -> Iterator[dg.Definitions]:
    """The consolidations in `pipelines/defs`, without those of a hidden name."""
    tree = dg.ComponentTree.from_module(folder, project_root=Path(__file__).parents[1])
    names = [path.parent.name for path in sorted(Path(str(folder.__file__)).parent.glob("*/defs.yaml"))]
    if not hidden.keys() & set(names):
        yield tree.build_defs()
        return
    yield from (tree.build_defs_at_path(name) for name in names if name not in hidden)
