"""What a step did, as the metadata that an asset's page shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import JsonValue

from pipelines.core.checks import Check
from pipelines.core.manifest import Manifest
from pipelines.core.schema import TableName
from pipelines.core.wording import duration, rate, size
from pipelines.database.backup_reader import read_manifest
from pipelines.steps.evidence import IN_SHORT
from pipelines.steps.outcome import Outcome

# Dagster reads annotations when it decorates, and knows the class only without its parameter.
if TYPE_CHECKING:
    Materialized = dg.MaterializeResult[None]
else:
    Materialized = dg.MaterializeResult

Metadata = dict[str, dg.MetadataValue]
_BACKUPS = ("folder", "sealed_folder")
_FOLDERS = (*_BACKUPS, "report")


def outcome_metadata(outcome: Outcome) -> Metadata:
    """The sentence, the time, the rate, every fact by its own name, the backup's tables, and the checks."""
    said: Metadata = {"done": dg.MetadataValue.text(outcome.sentence)}
    if outcome.already:
        said["already"] = dg.MetadataValue.text("an earlier try had done it")
    if outcome.seconds > 0:
        said["time"] = dg.MetadataValue.text(duration(outcome.seconds))
    facts = {name: value_of(name, fact) for name, fact in outcome.facts.items() if name != "checks"}
    checks: Metadata = {"checks": checks_table(outcome.checks)} if outcome.checks else {}
    return {**said, **_rows(outcome), **facts, **_saved(outcome), **checks}


def _saved(outcome: Outcome) -> Metadata:
    """What the backup that the step wrote holds of each table."""
    folders = [Path(str(outcome.facts[name])) for name in _BACKUPS if name in outcome.facts]
    return {f"tables in {folder.name}": saved_table(read_manifest(folder)) for folder in folders}


def saved_table(manifest: Manifest) -> dg.TableMetadataValue:
    """Rows, content digest and bytes of each table of a backup."""
    columns = {"table": "string", "rows": "int", "digest": "string", "size": "string"}
    rows = [(shown(t.name), t.digest.rows, t.digest.first[:12], size(t.file.size_bytes)) for t in manifest.tables]
    return table(columns, rows)


def shown(name: TableName) -> str:
    """A table's name; `public` is left out, since the page cuts wide tables."""
    return name.name if name.schema == "public" else str(name)


def _rows(outcome: Outcome) -> Metadata:
    """`dagster/row_count` is the name by which the UI draws a chart over time."""
    rows = outcome.facts.get("rows")
    if not isinstance(rows, int):
        return {}
    counted: Metadata = {"dagster/row_count": dg.MetadataValue.int(rows)}
    if rows and outcome.seconds > 0:
        counted["rate"] = dg.MetadataValue.text(rate(rows / outcome.seconds))
    return counted


def value_of(name: str, fact: JsonValue) -> dg.MetadataValue:
    """A fact as the kind of value that it is."""
    match fact:
        case bool():
            return dg.MetadataValue.bool(fact)
        case int():
            return dg.MetadataValue.int(fact)
        case float():
            return dg.MetadataValue.float(fact)
        case str() if name == IN_SHORT:
            return dg.MetadataValue.md(fact)
        case str() if name in _FOLDERS:
            return dg.MetadataValue.path(fact)
        case str():
            return dg.MetadataValue.text(fact)
        case None:
            return dg.MetadataValue.null()
        case list() if all(isinstance(item, str) for item in fact):
            return dg.MetadataValue.text(", ".join(map(str, fact)))
        case _:
            return dg.MetadataValue.json(fact)


def table(columns: Mapping[str, str], rows: Iterable[tuple[str | int | float | bool, ...]]) -> dg.TableMetadataValue:
    """A table; `columns` are names and their types (`int`, `string`, ...)."""
    records = [dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows]
    return dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(n, of) for n, of in columns.items()]))


def checks_table(checks: tuple[Check, ...]) -> dg.TableMetadataValue:
    """One line a check."""
    columns = {"check": "string", "passed": "string", "over": "int", "found": "int", "took": "string", "said": "string"}
    return table(
        columns,
        [(c.name, "yes" if c.passed else "NO", c.over, c.found, duration(c.took_s), c.sentence) for c in checks],
    )
