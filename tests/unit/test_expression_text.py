"""An author's SQL expression: placeholders are found, and what is unsafe is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.expression_text import Placeholder, placeholders, scan, split


@pytest.mark.parametrize(
    "text",
    [
        "'LEGACY-' || {legacy_code}",
        "substr({external_ref}, 8)",
        "'{a,b}'::text[]",
        "'{{1,2},{3,4}}'::int[]",
        "'x; -- y /* z' || {a}",
        r"E'it\'s; fine' || {a}",
        "E'a'\n  'b\\'; c'",
        "$$; ' -- $$ || $tag$ $$ ; $tag$",
        "\"odd;name\" || ''''",
        "now() AT TIME ZONE 'utc'",
        "'2026-01-01'::timestamp with time zone",
        "CASE WHEN {a} THEN 1 ELSE 2 END",
        "{tags}[1:2] || ARRAY[1, 2]",
        "{data} #>> '{b,c}'",
        "comment is not null",
        "start < end_date",
        "replace({update}, 'a', 'b')",
        "{select} || {größe}",
        "priority ~ '^P[0-3]$'",
        "x$y$ - -1",
    ],
)
def test_a_safe_expression_has_no_problem(text: str) -> None:
    assert scan(text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no text"),
        ("  \n", "no text"),
        ("{a}; DROP TABLE t", "a semicolon"),
        ("{a} -- why", "a comment (--)"),
        ("{a} /* why */", "a comment (/*)"),
        ("1---1", "a comment (--)"),
        ("({a}", "a ( that is never closed"),
        ("{a})", "a ) that nothing opened"),
        ("a) + (b", "a ) that nothing opened"),
        ("{a}[1)", "a ) that nothing opened"),
        ("{a}, {b}", "a comma outside of parentheses"),
        ("'open", "a quote that is never closed"),
        ('"open', "a quote that is never closed"),
        ("$x$ open $$", "a quote that is never closed"),
        ("{a", "a brace without its partner"),
        ("a}", "a brace without its partner"),
        ("{}", "a brace without its partner"),
        ("(SELECT 1)", "a query (SELECT)"),
        ("exists(select from t)", "a query (SELECT)"),
        ("(VALUES (1))", "a query (VALUES)"),
        ("(TABLE t)", "a query (TABLE)"),
        ("SELECT 1", "a query (SELECT)"),
        ("INSERT INTO t DEFAULT VALUES", "a statement (INSERT)"),
        ("delete from t", "a statement (DELETE)"),
        ("DO $$ BEGIN END $$", "a statement (DO)"),
        ("row_number() OVER (ORDER BY 1)", "a window function"),
        ("$1 + 1", "a parameter ($1)"),
        (r"a \! ls", "a backslash"),
    ],
)
def test_an_unsafe_expression_is_named(text: str, problem: str) -> None:
    assert [found for found in scan(text) if found.startswith(problem)]


@pytest.mark.parametrize(
    "text",
    [
        "'a\\'; DROP TABLE t; --'",  # a plain literal ends at a quote, whatever stands before it
        "E'a\\'",  # an escape literal does not
        "1E'\\''; DROP TABLE t; '",  # an exponent without digits begins an escape literal in old servers
        "$€$ ' $€$; DROP TABLE t; '",  # every character beyond ASCII may stand in a dollar quote's tag
        "E'a'\r'\\''; DROP TABLE t; '",  # a carriage return continues a literal
    ],
)
def test_quotes_are_read_as_the_server_reads_them(text: str) -> None:
    assert scan(text) != []


def test_every_problem_is_listed_once() -> None:
    assert len(scan("a; b; (")) == 2


def test_placeholders_are_listed_once_in_order() -> None:
    assert placeholders("{b} || {a} || {b} || '{c}' || \"{d}\" || $${e}$$") == ("b", "a")


def test_a_placeholder_may_hold_any_character_but_braces() -> None:
    assert split('{Mixed "Case", 1}') == (Placeholder('Mixed "Case", 1'),)


def test_double_braces_are_one_brace_outside_of_quotes_only() -> None:
    assert split("{{{a}}} || '{{x}}'") == ("{", Placeholder("a"), "} || '{{x}}'")


@given(st.text())
def test_text_without_braces_comes_back_as_it_is(text: str) -> None:
    plain = text.replace("{", "").replace("}", "")
    assert "".join(part for part in split(plain) if isinstance(part, str)) == plain


@given(st.text(alphabet="aE'\"$;{}()-/*\\ \n1", max_size=30))
def test_scanning_never_fails(text: str) -> None:
    assert all(problem.startswith(("a ", "no ")) for problem in scan(text))
