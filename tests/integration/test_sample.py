"""The sample has the first users' shapes, vocabularies and row counts."""

import pytest

from pipelines.sample import sample_sql
from tests.databases import Database
from tests.dump import dump

ROWS = {
    "exai_issues": 11, "exai_issues_tracker": 14, "issues": 1, "issue_occurrences": 3, "exai_issue_updates": 12,
    "exai_issue_checklist": 7, "files": 169, "file_metadata": 0, "conversation_files": 166, "conversations": 541,
    "messages": 2355,
}  # fmt: skip


@pytest.mark.parametrize(("table", "rows"), ROWS.items())
def test_a_table_has_as_many_rows_as_the_first_users(sample_database: Database, table: str, rows: int) -> None:
    assert sample_database.value(f"SELECT count(*) FROM public.{table}") == rows


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("exai_issues_tracker", "status", 6),
        ("exai_issues_tracker", "category", 9),
        ("exai_issues_tracker", "severity", 4),
        ("exai_issues", "status", 6),
        ("exai_issues", "category", 6),
        ("exai_issue_updates", "update_type", 5),
        ("exai_issue_checklist", "status", 4),
        ("files", "file_type", 3),
    ],
)
def test_each_value_of_a_vocabulary_is_used(sample_database: Database, table: str, column: str, values: int) -> None:
    assert sample_database.value(f"SELECT count(DISTINCT {column}) FROM public.{table}") == values


def test_the_view_counts_the_steps_of_active_issues(sample_database: Database) -> None:
    steps = "SELECT completed_steps, total_steps, progress_percentage FROM exai_active_issues WHERE issue_number = 1"
    assert [tuple(map(str, row)) for row in sample_database.rows(steps)] == [("2", "4", "50.0")]


def test_loading_the_sample_twice_gives_the_same(sample_database: Database, database: Database) -> None:
    """Also with pgfold's own session settings, where the search path is empty."""
    with database.connect_as_pgfold() as connection:
        for text in sample_sql():
            connection.execute(text.encode())
    assert dump(database) == dump(sample_database)
