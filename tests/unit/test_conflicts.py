"""Rows that stay behind: the question about their children names the source's own key."""

from __future__ import annotations

from pipelines.core.skipping import held_references
from pipelines.core.spec_file import parse_spec
from pipelines.steps.rows.conflicts import skipped_with_children
from tests.fix_issue_tables import fold_of, table
from tests.planning import spec_of


def test_a_declared_key_is_compared_with_the_key_of_its_source() -> None:
    attributes = "target: t\nsources:\n  - {table: s, on_conflict: skip}\n"
    declared = f"{attributes}foreign_keys:\n  - {{table: c, columns: [owner], references: s}}\n"
    fold = fold_of(
        parse_spec("things", spec_of(declared), "defs.yaml"),
        table("public.t", "id", "id integer, title text"),
        table("public.s", "id", "id integer, title text"),
        table("public.c", "id", "id integer, owner integer"),
    )
    (source,) = fold.lens.sources
    (held,) = held_references(fold, source)
    assert 'c."owner" = s."id"' in skipped_with_children(fold, source, held).text()
