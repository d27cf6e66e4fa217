"""Plans made on a database of the test's own, from a few lines of spec."""

from __future__ import annotations

from contextlib import closing
from importlib.resources import files
from textwrap import dedent, indent

from pipelines.core.findings import Severity
from pipelines.core.plan import Plan
from pipelines.core.spec_file import parse_spec
from pipelines.steps.plan import make_plan
from tests.databases import Database


def spec_of(attributes: str) -> str:
    """A defs.yaml with these attributes; the first of them stands in line 3."""
    return f"type: pipelines.Consolidation\nattributes:\n{indent(dedent(attributes).strip(), '  ')}\n"


def plan_of(database: Database, attributes: str, *, quick: bool = False) -> Plan:
    """The plan that pgfold makes."""
    spec = parse_spec("things", spec_of(attributes), "defs.yaml")
    with closing(database.connect_as_pgfold()) as connection:
        return make_plan(connection, spec, quick=quick)


def first_plan(database: Database, name: str, *, quick: bool = False) -> Plan:
    """The plan of a fold of the first users."""
    text = files("pipelines.defs").joinpath(name, "defs.yaml").read_text(encoding="utf-8")
    with closing(database.connect_as_pgfold()) as connection:
        return make_plan(connection, parse_spec(name, text, "defs.yaml"), quick=quick)


def told(plan: Plan, *severities: Severity) -> list[str]:
    """`line: message` of the findings of these severities, errors where none is named."""
    wanted = severities or (Severity.ERROR,)
    return [f"{f.spec_line or '-'}: {f.message}" for f in plan.findings if f.severity in wanted]
