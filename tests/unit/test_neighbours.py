"""What a column that holds a source's key may be called, and what is said of one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.core.findings import Severity
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.neighbours import (
    KeyToChild,
    LikelyKey,
    Neighbours,
    StatementsSeen,
    likely_names,
    likely_words,
    neighbour_findings,
)
from pipelines.core.schema import TableName
from pipelines.core.spec_file import parse_spec
from tests.fix_issue_tables import fold_of, table
from tests.planning import spec_of

TARGET = table("public.t", "id", "id integer default 7, title text")


def fold(name: str = "s", key: str = "id", mode: str = "new") -> Fold:
    attributes = f"target: t\nsources:\n  - table: {name}\n    key: {mode}\n"
    attributes += f"    columns: {{{key}: id}}\n" if mode == "keep" else ""
    source = table(f"public.{name}", key, f"{key} integer, title text")
    return fold_of(parse_spec("things", spec_of(attributes), "defs.yaml"), TARGET, source)


def source_named(name: str, key: str) -> SourceLens:
    return fold(name, key).lens.sources[0]


@pytest.mark.parametrize(
    ("name", "key", "names"),
    [
        ("issues", "id", ("issues_id", "issue_id")),
        ("exai_issues_tracker", "issue_id", ("exai_issues_tracker_id", "issue_id")),
        ("categories", "uuid", ("categories_id", "category_id")),
        ("address", "code", ("address_id",)),
    ],
)
def test_a_key_column_is_looked_for_by_its_tables_name_and_its_own(name: str, key: str, names: tuple[str, ...]) -> None:
    assert likely_names(source_named(name, key)) == names


def test_an_array_is_looked_for_by_the_words_of_the_tables_name() -> None:
    assert likely_words(source_named("exai_issues_tracker", "issue_id")) == ("exai", "issue", "tracker")
    assert likely_words(source_named("s", "id")) == ()


def test_a_key_of_several_columns_is_not_guessed() -> None:
    source = source_named("issues", "id")
    composite = replace(source, key=(*source.key, source.table["title"]))
    assert (likely_names(composite), likely_words(composite)) == ((), ())


def test_what_stays_valid_is_a_note_and_what_would_not_is_a_warning() -> None:
    likely = LikelyKey(TableName("public", "s"), TableName("public", "c"), "s_id", "integer")
    found = Neighbours(likely_keys=(likely,))
    assert [f.severity for f in neighbour_findings(fold(mode="keep"), found)] == [Severity.NOTE]
    assert [f.severity for f in neighbour_findings(fold(mode="new"), found)] == [Severity.WARNING]


def test_everything_around_is_said() -> None:
    found = Neighbours(
        keys_to_children=(KeyToChild(TableName("public", "g"), "g_fkey", TableName("public", "c"), "s_id"),),
        api_roles=("authenticator",),
        publications_of_all=("everything",),
        statements=(StatementsSeen(TableName("public", "s"), 2),),
    )
    assert [(f.severity.value, f.message) for f in neighbour_findings(fold(), found)] == [
        ("error", "foreign key g_fkey of public.g references public.c.s_id, whose values change"),
        ("warning", "role authenticator is there, so PostgREST may serve public.s: the old names leave the API"),
        ("warning", "publication everything ships all tables, pgfold's own too: a subscriber that lacks them stops"),
        ("warning", "statements in pg_stat_statements still name public.s: 2"),
    ]
