"""The consolidations of this project say what they should."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.core.spec import ColumnRule, KeyMode, Spec
from pipelines.core.spec_file import parse_spec

FOLDER = Path(__file__).parents[2] / "pipelines/defs"


def spec_of(name: str) -> Spec:
    return parse_spec(name, (FOLDER / name / "defs.yaml").read_text(encoding="utf-8"), "defs.yaml")


def rules_of(name: str, table: str) -> dict[str, ColumnRule]:
    source = next(source for source in spec_of(name).sources if source.table.name == table)
    return {rule.column: rule for rule in source.columns}


@pytest.mark.parametrize("name", sorted(file.parent.name for file in FOLDER.glob("*/defs.yaml")))
def test_every_consolidation_is_read(name: str) -> None:
    assert spec_of(name).description


@pytest.mark.parametrize(
    ("column", "place"),
    [
        ("diagnostic_approach", "metadata.diagnostic_approach"),
        ("fix_strategy", "metadata.fix_strategy"),
        ("root_cause_confirmed", "root_cause"),
        ("fix_implementation_details", "actual_fix"),
        ("source", "metadata.source_system"),
    ],
)
def test_the_trackers_columns_go_where_they_were_asked_for(column: str, place: str) -> None:
    assert str(rules_of("issues", "exai_issues_tracker")[column].place) == place


def test_only_many_to_one_columns_are_lossy() -> None:
    lossy = {
        (source.table.name, rule.column)
        for source in spec_of("issues").sources
        for rule in source.columns
        if rule.lossy
    }
    assert lossy == {("exai_issues_tracker", "category"), ("exai_issues_tracker", "status"), ("issues", "category")}


def test_issues_get_new_keys_and_trackers_keep_theirs() -> None:
    assert {source.table.name: source.key for source in spec_of("issues").sources} == {
        "exai_issues_tracker": KeyMode.KEEP,
        "issues": KeyMode.NEW,
    }


def test_file_metadata_must_be_empty() -> None:
    assert [source.expect_empty for source in spec_of("files").sources] == [True]
