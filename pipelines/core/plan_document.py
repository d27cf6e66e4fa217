"""The plan as JSON, for programs: stable keys, counts as numbers, times in seconds, sizes in bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable

from pydantic import JsonValue

from pipelines.core.findings import Finding
from pipelines.core.lens import Rule, SourceLens
from pipelines.core.lens_proof import Proof
from pipelines.core.mapping_words import kind_of
from pipelines.core.plan import ChildFacts, LockFacts, LossyColumn, Plan, TableFacts


def plan_json(plan: Plan) -> str:
    """The whole plan as an indented JSON object."""
    return json.dumps(plan_document(plan), indent=2, ensure_ascii=False)


def plan_document(plan: Plan) -> dict[str, JsonValue]:
    """The whole plan; `columns` and `steps` are empty where the fold cannot be built."""
    return {
        "name": plan.spec.name,
        "hash": plan.hash,
        "refused": plan.refused,
        "quick": plan.quick,
        "took_s": plan.seconds,
        "target": str(plan.spec.target),
        "sources": [str(name) for name in plan.spec.source_names],
        "rows": plan.rows,
        "findings": [_finding(finding) for finding in plan.findings],
        "tables": [_table(facts) for facts in plan.tables],
        "columns": [c for source in _sources(plan) for c in _columns(source)],
        "lossy": [_lossy(column) for column in plan.lossy],
        "proofs": [_proof(proof) for proof in plan.proofs],
        "children": [_child(child) for child in plan.children],
        "locks": [_lock(lock) for lock in plan.locks],
        "disk": {
            "backup_bytes": plan.disk.backup_bytes,
            "staging_bytes": plan.disk.staging_bytes,
            "target_bytes": plan.disk.target_bytes,
        },
        "missing_privileges": list(plan.privileges),
        "steps": [
            {"step": name, "statements": [{"purpose": s.purpose, "sql": s.text()} for s in statements]}
            for name, statements in plan.steps
        ],
    }


def _sources(plan: Plan) -> Iterable[SourceLens]:
    return plan.fold.lens.sources if plan.fold is not None else ()


def _finding(finding: Finding) -> JsonValue:
    return {
        "severity": finding.severity,
        "rule": finding.rule,
        "object": finding.object,
        "message": finding.message,
        "remedy": finding.remedy,
        "spec_line": finding.spec_line,
    }


def _table(facts: TableFacts) -> JsonValue:
    return {
        "table": str(facts.table),
        "role": facts.role,
        "rows": facts.rows,
        "counted": facts.counted,
        "size_bytes": facts.size_bytes,
    }


def _columns(source: SourceLens) -> Iterable[JsonValue]:
    return [_column(source, rule) for rule in source.rules]


def _column(source: SourceLens, rule: Rule) -> JsonValue:
    return {
        "source": str(source.name),
        "column": rule.column.name,
        "type": rule.column.type.sql,
        "place": None if rule.place is None else [rule.place.column, *rule.place.path],
        "kind": kind_of(rule),
        "treatment": rule.treatment,
        "lossy": rule.lossy,
    }


def _lossy(column: LossyColumn) -> JsonValue:
    return {
        "source": str(column.source),
        "column": column.column,
        "place": column.place,
        "values": None if column.loss is None else column.loss.values,
        "becomes": None if column.loss is None else column.loss.becomes,
    }


def _proof(proof: Proof) -> JsonValue:
    return {
        "source": str(proof.source),
        "rows": proof.rows,
        "equal": proof.rows - proof.differing,
        "took_s": proof.took_s,
        "computed": list(proof.columns),
        "differences": [
            {"column": d.column, "key": list(d.key), "was": d.was, "there": d.there, "back": d.back, "rows": d.rows}
            for d in proof.differences
        ],
    }


def _child(child: ChildFacts) -> JsonValue:
    return {
        "table": str(child.table),
        "columns": list(child.columns),
        "source": str(child.source),
        "change": child.change,
        "type_before": child.type_before,
        "type_after": child.type_after,
        "on_delete": child.on_delete.name.lower(),
        "rows": child.rows,
        "lock_s": child.lock_s,
    }


def _lock(lock: LockFacts) -> JsonValue:
    return {"step": lock.step, "table": str(lock.table), "mode": lock.mode, "held_s": lock.held_s}
