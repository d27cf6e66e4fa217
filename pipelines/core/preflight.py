"""Everything that stands in the way of a fold, or should be known, from the catalog alone."""

from __future__ import annotations

from pipelines.core.access import access_findings
from pipelines.core.child_keys import child_findings
from pipelines.core.dependents import dependent_findings, uncarried_findings
from pipelines.core.findings import Finding
from pipelines.core.fold import Fold
from pipelines.core.literals import literal_findings
from pipelines.core.notices import application_findings, column_findings, lossy_findings, server_findings
from pipelines.core.replica_identity import identity_findings
from pipelines.core.schema import Schema
from pipelines.core.shapes import child_shapes, table_shapes
from pipelines.core.spec import Spec


def preflight(fold: Fold) -> tuple[Finding, ...]:
    """Every finding at once; errors refuse."""
    return (
        *catalog_findings(fold.spec, fold.schema),
        *access_findings(fold),
        *child_findings(fold),
        *identity_findings(fold),
        *literal_findings(fold),
        *lossy_findings(fold),
        *application_findings(fold),
    )


def catalog_findings(spec: Spec, schema: Schema) -> tuple[Finding, ...]:
    """Those that need no lens, for a spec that has none."""
    return (
        *table_shapes(spec, schema),
        *child_shapes(spec, schema),
        *dependent_findings(spec, schema),
        *uncarried_findings(spec, schema),
        *column_findings(spec, schema),
        *server_findings(schema),
    )
