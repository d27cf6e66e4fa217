"""The report of a fold counts what lossy columns lost, in the rows that were folded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from pipelines.core.spec_file import parse_spec
from pipelines.steps.surroundings import Surroundings
from tests.databases import Database
from tests.driving import Driver
from tests.folding import spec_text
from tests.pages import read_page

TABLES = """
CREATE TABLE things (id int PRIMARY KEY, kind text);
CREATE TABLE a (id int PRIMARY KEY, kind text, size int);
INSERT INTO a SELECT g, 'k' || g % 9, g FROM generate_series(1, 50) g;
"""
SPEC = spec_text(
    "things", """table: a\nrest: drop\ncolumns: {id: id, kind: {to: kind, forward: "'other'", lossy: true}}"""
)


def test_the_report_counts_the_values_that_a_lossy_column_lost(
    new_database: Callable[..., Database], tmp_path: Path
) -> None:
    surroundings = Surroundings(
        new_database(TABLES).url, tmp_path, lambda: datetime.now(UTC), uuid4, lambda _: None, lambda _: None, "ada"
    )
    Driver(surroundings, parse_spec("things", SPEC, "defs.yaml")).fold()
    (report,) = tmp_path.rglob("report.html")
    said = read_page(report.read_text()).text.replace("\u00a0", " ")
    assert "lossy: 9 values → 'other' (exact value kept in the archive)" in said
    assert "lossy: 50 values → fewer (exact value kept in the archive)" in said
