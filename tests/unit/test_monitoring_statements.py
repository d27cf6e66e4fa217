"""What a statement does is read from its words, and no value is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.integrations.statements import Statement, StatementSites, read_statement


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", Statement("SELECT", None, True)),
        ("select * from issues where id = %s", Statement("SELECT", "issues", True)),
        ('SELECT * FROM only "Odd "" name" x', Statement("SELECT", 'Odd " name', True)),
        ("SELECT * FROM public . issues FOR UPDATE", Statement("SELECT", "public.issues", False)),
        ("SELECT count(*) FROM generate_series(1, 3)", Statement("SELECT", None, True)),
        ("INSERT INTO issues (a) SELECT a FROM other", Statement("INSERT", "issues", False)),
        ("-- UPDATE nothing\nUPDATE app.issues SET a = 'DELETE FROM x'", Statement("UPDATE", "app.issues", False)),
        ("/* c */ DELETE FROM issues", Statement("DELETE", "issues", False)),
        ("WITH x AS (SELECT 1) SELECT * FROM issues", Statement("SELECT", "issues", True)),
        ("WITH gone AS (DELETE FROM issues RETURNING *) SELECT * FROM gone", Statement("DELETE", "issues", False)),
        ("COPY issues (a) FROM STDIN", Statement("COPY", "issues", False)),
        ("COPY issues TO STDOUT", Statement("COPY", "issues", True)),
        ("CREATE TABLE IF NOT EXISTS issues ()", Statement("CREATE", "issues", False)),
        ("EXPLAIN DELETE FROM issues", Statement("DELETE", "issues", True)),
        ("(SELECT a FROM one) UNION (SELECT a FROM two)", Statement("SELECT", "one", True)),
        (r"SELECT * FROM f() WHERE a = E'it\'s FROM secret'", Statement("SELECT", None, True)),
        ("SELECT * FROM app.rows(1)", Statement("SELECT", None, True)),
        ("VACUUM", Statement("VACUUM", None, False)),
        ("", Statement("UNKNOWN", None, False)),
    ],
)
def test_a_statement_is_read(text: str, expected: Statement) -> None:
    assert read_statement(text) == expected


@given(st.text(), st.text())
def test_no_value_gets_into_what_is_read(before: str, value: str) -> None:
    quoted = value.replace("'", "''").replace("\0", "")
    found = read_statement(f"INSERT INTO issues VALUES ('{quoted}', '{quoted} FROM secret')")
    assert found == Statement("INSERT", "issues", False)
    read_statement(before)  # whatever the text, an answer


def test_statements_that_never_come_again_do_not_fill_the_memory() -> None:
    sites = StatementSites()
    for number in range(5000):
        text = f"SELECT * FROM issues WHERE id = {number}"
        sites.find(text, text)
    assert len(sites.by_text) <= 2000
    assert len({id(site) for site in sites.by_text.values()}) == 1
