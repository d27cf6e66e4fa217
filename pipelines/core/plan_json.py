"""A plan for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from pydantic import JsonValue

from pipelines.core.asked import ACTIONS
from pipelines.core.findings import Finding
from pipelines.core.lens import Lens, Rule, SourceLens
from pipelines.core.mapping_words import MappingFacts, kind_of, loss_of, place_of, remark
from pipelines.core.plan import Plan

Entry = dict[str, JsonValue]


def plan_json(plan: Plan) -> str:
    """One JSON object: tables are `schema.table`, places a list of column and path; units stand in the names."""
    lens = plan.fold.lens if plan.fold else None
    document: Entry = {
        "name": plan.spec.name,
        "plan": plan.hash,
        "refused": plan.refused,
        "quick": plan.quick,
        "seconds": plan.seconds,
        "target": str(plan.spec.target),
        "rows": plan.rows,
        "findings": [*findings_json(plan.findings)],
        "tables": [*_tables(plan)],
        "mapping": [*_mapping(lens, plan.mapping_facts)] if lens else [],
        "proofs": [*_proofs(plan)],
        "children": [*_children(plan)],
        "locks": [{"step": k.step, "table": str(k.table), "mode": k.mode, "held_s": k.held_s} for k in plan.locks],
        "disk": asdict(plan.disk),
        "missing_privileges": [*plan.privileges],
        "steps": [*_steps(plan)],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def findings_json(findings: Sequence[Finding]) -> Iterator[Entry]:
    """Findings for programs; `line` is of the spec."""
    for f in findings:
        yield {"severity": f.severity, "rule": f.rule, "object": f.object, "message": f.message, "remedy": f.remedy,
               "line": f.spec_line}  # fmt: skip


def _tables(plan: Plan) -> Iterator[Entry]:
    for t in plan.tables:
        yield {"table": str(t.table), "role": t.role, "rows": t.rows, "counted": t.counted, "size_bytes": t.size_bytes}


def _mapping(lens: Lens, facts: MappingFacts) -> Iterator[Entry]:
    for source in lens.sources:
        for rule in source.rules:
            yield _column(lens, source, rule, facts)


def _column(lens: Lens, source: SourceLens, rule: Rule, facts: MappingFacts) -> Entry:
    place, loss = place_of(lens, rule), loss_of(source, rule, facts)
    return {
        "source": str(source.name),
        "column": rule.column.name,
        "type": rule.column.type.sql,
        "kind": kind_of(rule),
        "place": None if place is None else [place.column, *place.path],
        "lossy": rule.lossy,
        "remark": remark(source, rule, loss).replace("\N{NO-BREAK SPACE}", " "),
        "line": rule.line,
    }


def _proofs(plan: Plan) -> Iterator[Entry]:
    for p in plan.proofs:
        yield {"source": str(p.source), "rows": p.rows, "differing": p.differing, "took_s": p.took_s}


def _children(plan: Plan) -> Iterator[Entry]:
    for c in plan.children:
        yield {
            "table": str(c.table),
            "columns": [*c.columns],
            "source": str(c.source),
            "change": c.change,
            "type_before": c.type_before,
            "type_after": c.type_after,
            "on_delete": ACTIONS[c.on_delete],
            "rows": c.rows,
            "lock_s": c.lock_s,
        }


def _steps(plan: Plan) -> Iterator[Entry]:
    for step, statements in plan.steps:
        shown: list[JsonValue] = [{"purpose": s.purpose, "sql": s.text()} for s in statements]
        yield {"step": step, "statements": shown}
