"""Tables that cannot be folded are refused by name, with what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.core.findings import Severity, errors
from pipelines.core.preflight import catalog_findings
from pipelines.core.schema import Schema, ServerFacts, Table, TableKind, TableName
from pipelines.core.shapes import refused_shapes
from pipelines.core.spec_file import parse_spec
from tests.fix_issue_tables import table
from tests.planning import spec_of

SPEC = parse_spec("things", spec_of("target: t\nsources:\n  - table: s\n"), "defs.yaml")
TARGET = table("public.t", "id", "id integer, title text")
SOURCE = table("public.s", "id", "id integer, title text")
ABLE = ServerFacts(180004, "postgres", may_replicate=True)
OTHER = TableName("public", "other")


def refusals(*tables: Table, server: ServerFacts = ABLE) -> list[str]:
    schema = Schema({t.name: t for t in tables}, server=server)
    return [finding.message for finding in errors(catalog_findings(SPEC, schema))]


def test_plain_tables_pass() -> None:
    assert refusals(TARGET, SOURCE) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (replace(SOURCE, kind=TableKind.VIEW), "public.s is a view, not a table"),
        (replace(SOURCE, kind=TableKind.MATERIALIZED_VIEW), "public.s is a materialized view, not a table"),
        (
            replace(SOURCE, kind=TableKind.FOREIGN_TABLE),
            "public.s is a foreign table: its rows are on another server",
        ),
        (replace(SOURCE, kind=TableKind.OTHER), "public.s is not a table"),
        (
            replace(SOURCE, kind=TableKind.PARTITIONED),
            "public.s is partitioned, which is not supported yet for a source",
        ),
        (replace(SOURCE, partition_of=OTHER), "public.s is a partition of public.other"),
        (replace(SOURCE, inherits=(OTHER,)), "public.s inherits from public.other, which is not supported yet"),
        (replace(SOURCE, inherited_by=(OTHER,)), "public.s is inherited by public.other, which is not supported yet"),
        (replace(SOURCE, persistence="u"), "public.s is unlogged: a crash empties it"),
        (replace(SOURCE, persistence="t"), "public.s is temporary: it ends with its session"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_source_that_cannot_be_folded_is_named(source: Table, message: str) -> None:
    assert refusals(TARGET, source) == [message]


def test_a_partitioned_target_is_refused() -> None:
    target = replace(TARGET, kind=TableKind.PARTITIONED)
    assert refusals(target, SOURCE) == ["public.t is partitioned, which is not supported yet for a target"]


@pytest.mark.parametrize(
    ("schema", "owner"),
    [("pgfold", "pgfold"), ("pgfold_things_public", "pgfold"), ("pg_catalog", "the server"), ("pgfolded", None)],
)
def test_tables_of_pgfold_and_of_the_server_are_not_folded(schema: str, owner: str | None) -> None:
    spec = parse_spec("things", spec_of(f"target: t\nsources:\n  - table: {schema}.s\n"), "defs.yaml")
    source = replace(SOURCE, name=TableName(schema, "s"))
    found = errors(catalog_findings(spec, Schema({TARGET.name: TARGET, source.name: source}, server=ABLE)))
    assert [f.message for f in found] == ([f"{schema}.s belongs to {owner}"] if owner else [])


def test_every_reason_is_given_at_once() -> None:
    source = replace(SOURCE, persistence="u", inherits=(OTHER,), inherited_by=(OTHER,))
    assert len(refusals(replace(TARGET, kind=TableKind.PARTITIONED), source)) == 4


def test_a_refused_table_is_known_so_that_nothing_else_is_said_of_it() -> None:
    view = replace(SOURCE, kind=TableKind.VIEW)
    assert refused_shapes(SPEC, Schema({TARGET.name: TARGET, view.name: view})) == {view.name}


def test_an_old_server_and_each_missing_privilege_are_refused_with_the_statement_that_helps() -> None:
    server = ServerFacts(140010, "app", missing_privileges=("GRANT a TO app", "GRANT b TO app"))
    found = errors(catalog_findings(SPEC, Schema({TARGET.name: TARGET, SOURCE.name: SOURCE}, server=server)))
    assert [(f.message, f.remedy) for f in found] == [
        ("the server is PostgreSQL 14, and pgfold needs 15 or newer", "upgrade it first"),
        ("role app lacks a privilege that the fold takes", "run GRANT a TO app;"),
        ("role app lacks a privilege that the fold takes", "run GRANT b TO app;"),
    ]


def test_what_does_not_go_along_is_a_warning() -> None:
    source = replace(SOURCE, publications=("news",), rules=("CREATE RULE r AS ...",))
    target = replace(TARGET, publications=("news",))
    schema = Schema({target.name: target, source.name: source}, server=ABLE)
    found = catalog_findings(SPEC, schema)
    assert {f.severity for f in found} == {Severity.WARNING}
    assert [f.message for f in found] == [
        "a rule of public.s is not carried to public.t: CREATE RULE r AS ...",
        "publication news ships public.s: from the cut-over its subscribers get nothing more of it",
        "publication news ships public.t: its subscribers get every folded row as an insert",
    ]
