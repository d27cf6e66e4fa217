"""What is said of rows that break a rule: how many, and which values they have."""

from __future__ import annotations

from psycopg import sql

from pipelines.core.findings import Severity
from pipelines.core.rule_check import RuleCheck, Sentence, Violation, finding_of, violations_query

SENTENCE = Sentence("value", "of severity", ("has", "have"), "no counterpart")
CHECK = RuleCheck(Severity.ERROR, "value_map", "s.severity", SENTENCE, "add them", sql.SQL("").format(), spec_line=7)
PAIRS = RuleCheck(Severity.ERROR, "unique", "t.u", SENTENCE, "", sql.SQL("").format(), ("a", "b"))


def message(check: RuleCheck, *violations: Violation) -> str | None:
    finding = finding_of(check, violations)
    return finding.message if finding else None


def test_nothing_is_said_where_nothing_breaks_the_rule() -> None:
    assert finding_of(CHECK, ()) is None


def test_the_count_is_of_rows_and_the_values_have_theirs() -> None:
    found = (Violation(("Sev1",), 3, 4, 2), Violation(("sev 2",), 1, 4, 2))
    assert message(CHECK, *found) == "4 values of severity have no counterpart: 'Sev1' (3), 'sev 2' (1)"
    finding = finding_of(CHECK, found)
    assert finding is not None
    assert (finding.spec_line, finding.remedy, finding.object) == (7, "add them", "s.severity")


def test_one_is_singular() -> None:
    assert message(CHECK, Violation((None,), 1, 1, 1)) == "1 value of severity has no counterpart: NULL (1)"


def test_values_of_several_columns_are_named() -> None:
    assert message(PAIRS, Violation(("x", None), 2, 2, 1)) == (
        "2 values of severity have no counterpart: a 'x' b NULL (2)"
    )


def test_what_is_not_listed_is_counted() -> None:
    assert message(CHECK, Violation(("x",), 5, 1200, 31)) == (
        "1,200 values of severity have no counterpart: 'x' (5), and 30 more"
    )


def test_a_rule_that_shows_no_values_says_only_how_many() -> None:
    assert message(CHECK, Violation((), 12, 12, 1)) == "12 values of severity have no counterpart"


def test_a_long_value_and_one_that_steers_a_terminal_are_shown_safely() -> None:
    told = message(CHECK, Violation(("x" * 100,), 1, 2, 2), Violation(("a\x1b[31m\nb",), 1, 2, 2))
    assert told is not None
    assert told.endswith("'a\\x1b[31m\\nb' (1)")
    assert len(told) < 160


def test_braces_in_names_stay_as_they_are() -> None:
    sentence = Sentence("row", "of public.{x}", ("breaks", "break"), "the CHECK {y}")
    assert sentence.of(1) == "1 row of public.{x} breaks the CHECK {y}"


def test_different_values_are_counted_where_rows_are_not_the_point() -> None:
    sentence = Sentence("value", "of code", ("is", "are"), "in several rows", counts_values=True)
    check = RuleCheck(Severity.ERROR, "unique", "t.u", sentence, "", sql.SQL("").format())
    assert message(check, Violation(("x",), 5, 9, 2)) == "2 values of code are in several rows: 'x' (5), and 1 more"


def test_values_are_grouped_by_the_server() -> None:
    query = violations_query([sql.Identifier("a")], sql.SQL("FROM t WHERE true")).as_string(None)
    assert "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20" in query
