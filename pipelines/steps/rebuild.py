"""The fold as it was decided, rebuilt from what was recorded: nothing depends on today's defs.yaml or catalog."""

from __future__ import annotations

from pipelines.core.errors import StateUnknown
from pipelines.core.fold import Fold, build_fold
from pipelines.core.lens_building import build_lens
from pipelines.core.recorded import Recorded
from pipelines.core.spec_file import parse_spec


def rebuild_fold(recorded: Recorded) -> Fold:
    """From the recorded spec and catalog.

    Raises:
        StateUnknown: this version of pgfold reads the recorded spec otherwise.
    """
    spec = parse_spec(recorded.spec_name, recorded.spec_text, "recorded spec")
    built = build_lens(spec, recorded.schema, recorded.added_types, recorded.drawn)
    if built.lens is None:
        raise StateUnknown(
            f"the recorded spec of {recorded.spec_name} cannot be read by this version:"
            f" {built.findings[0].message if built.findings else 'no lens'}; use the version that folded it"
        )
    return build_fold(spec, recorded.schema, built.lens).fold
