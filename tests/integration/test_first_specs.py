"""The first users' consolidations fit their tables: every column has a place, every row is what the target takes."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pipelines.core.fold import build_fold
from pipelines.core.lens import Lens, SourceLens
from pipelines.core.lens_building import build_lens
from pipelines.core.relations import mapped_rows, proof_rows, provable, read_back_differs
from pipelines.core.schema import Schema
from pipelines.core.spec import Spec
from pipelines.core.spec_file import parse_spec
from pipelines.database.introspection import read_schema, read_types
from tests.databases import Database

FOLDER = Path(__file__).parents[2] / "pipelines/defs"


def read_spec(name: str) -> Spec:
    return parse_spec(name, (FOLDER / name / "defs.yaml").read_text(encoding="utf-8"), "defs.yaml")


def read_lens(spec: Spec, connection: psycopg.Connection[tuple[object, ...]]) -> tuple[Schema, Lens]:
    schema = read_schema(connection, spec.table_names)
    built = build_lens(spec, schema, read_types(connection, (column.type for column in spec.add_columns)))
    assert built.findings == ()
    assert built.lens is not None
    return schema, built.lens


@pytest.mark.parametrize("name", ["issues", "files"])
def test_every_source_column_has_a_place(sample_database: Database, name: str) -> None:
    spec = read_spec(name)
    with sample_database.connect_as_pgfold() as connection:
        schema, lens = read_lens(spec, connection)
    assert [source.name for source in lens.sources] == list(spec.source_names)
    # The runs of an issue go into a document, where no foreign key can stand: known, and back at rollback.
    assert {finding.rule for finding in build_fold(spec, schema, lens).findings} <= {"lost_key"}


@pytest.mark.parametrize("name", ["issues", "files"])
def test_every_row_reads_back(sample_database: Database, name: str) -> None:
    with sample_database.connect_as_pgfold() as connection:
        for source in read_lens(read_spec(name), connection)[1].sources:
            differs = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(
                proof_rows(source), read_back_differs(provable(source))
            )
            assert connection.execute(differs).fetchone() == (0,)


def test_the_target_takes_every_row(sample_database: Database) -> None:
    spec = read_spec("issues")
    with sample_database.connect_as_pgfold() as connection:
        _, lens = read_lens(spec, connection)
        with connection.transaction(force_rollback=True):
            add_columns(spec, connection)
            assert [insert(lens, source, connection) for source in lens.sources] == [14, 1]
            kept = connection.execute(
                "SELECT source_system, category, metadata->>'tracker_category', priority, severity"
                " FROM public.exai_issues WHERE title IN"
                " (SELECT issue_title FROM public.exai_issues_tracker WHERE category = 'Security')"
            ).fetchall()
    assert kept == [("exai_issues_tracker", "security", "Security", "P0", "critical")]


def add_columns(spec: Spec, connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for column in spec.add_columns:
        rules = sql.SQL(f"{column.type} DEFAULT {column.default or 'NULL'} CHECK ({column.check or 'true'})")
        statement = sql.SQL("ALTER TABLE {} ADD COLUMN {} {}")
        connection.execute(statement.format(spec.target.identifier, sql.Identifier(column.name), rules))


def insert(lens: Lens, source: SourceLens, connection: psycopg.Connection[tuple[object, ...]]) -> int:
    """The rows of one source go to the target as an application's would: its rules and defaults apply."""
    mapped = mapped_rows(source)
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in sorted(mapped.known))
    statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} m")
    return connection.execute(statement.format(lens.target.name.identifier, columns, columns, mapped.query)).rowcount
