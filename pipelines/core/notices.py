"""What a person should know of a fold that stops nothing, and what the server must offer."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.core.findings import Finding, error, note
from pipelines.core.fold import Fold
from pipelines.core.schema import Schema
from pipelines.core.spec import Spec

OLDEST_VERSION = 150000


def server_findings(schema: Schema) -> Iterator[Finding]:
    """The version and the privileges that a fold takes, each with the statement that gives it."""
    server = schema.server
    if server.version < OLDEST_VERSION:
        message = (
            f"the server is PostgreSQL {server.version // 10000}, and pgfold needs {OLDEST_VERSION // 10000} or newer"
        )
        yield error("version", server.database or "server", message, "upgrade it first")
    for statement in server.missing_privileges:
        message = f"role {server.role} lacks a privilege that the fold takes"
        yield error("privilege", server.role, message, f"run {statement};")


def column_findings(spec: Spec, schema: Schema) -> Iterator[Finding]:
    """drop_not_null where the server would not let it."""
    target = schema.table(spec.target)
    for name in spec.drop_not_null if target is not None else ():
        column = target.column(name) if target is not None else None
        if target is None or column is None or not column.not_null:
            continue
        bound = (
            "is in the primary key"
            if name in target.primary_key
            else "is an identity column"
            if column.identity
            else ""
        )
        if bound:
            message = f"drop_not_null: {name} of {target.name} {bound}, which is never NULL"
            yield error("drop_not_null", f"{target.name}.{name}", message, "leave it out", spec.target_line)


def lossy_findings(fold: Fold) -> Iterator[Finding]:
    """Each column that loses something."""
    for source in fold.lens.sources:
        for rule in source.lossy:
            where = f"goes to {rule.place}" if rule.place is not None else "has no place in the target"
            message = f"column {rule.column.name} of {source.name} is lossy and {where}"
            remedy = "its exact values stay in the archive and the sealed backup"
            yield note("lossy", f"{source.name}.{rule.column.name}", message, remedy, rule.line)


def application_findings(fold: Fold) -> Iterator[Finding]:
    """What the application will notice."""
    target = fold.schema[fold.lens.target.name]
    if fold.added:
        message = f"a prepared SELECT * from {target.name} fails once when the columns are added"
        message += " ('cached plan must not change result type')"
        yield note("prepared", str(target.name), message, "name the columns, or let the application prepare it again")
    firing = [t.name for t in target.triggers if t.enabled in ("O", "A") and not t.function.startswith("pgfold.")]
    if firing:
        message = f"triggers of {target.name} do not fire for the rows that are folded in: {', '.join(firing)}"
        yield note("trigger", str(target.name), message, "they go on firing for everybody else's writes")
    for source in fold.lens.sources:
        for sequence in (s for s in source.table.sequences if s.identity):
            message = f"sequence {sequence.name} moves into the archive with its identity column"
            yield note("sequence", str(sequence.name), message, "draw from the target's from the cut-over on")
