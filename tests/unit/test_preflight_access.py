"""Nobody gets at rows in the target whom the source kept away from them."""

from __future__ import annotations

from dataclasses import replace

from pipelines.core.access import access_findings
from pipelines.core.findings import Finding, Severity
from pipelines.core.schema import Grant, Policy, Table
from pipelines.core.spec_file import parse_spec
from tests.fix_issue_tables import fold_of, table
from tests.planning import spec_of

ATTRIBUTES = "target: t\nsources:\n  - {table: s, columns: {owner: belongs_to}}\n"
TARGET = replace(table("public.t", "id", "id integer, title text, belongs_to text"), owner="app")
SOURCE = replace(table("public.s", "id", "id integer, title text, owner text"), owner="app")


def findings(target: Table, source: Table, attributes: str = ATTRIBUTES) -> list[Finding]:
    return [*access_findings(fold_of(parse_spec("things", spec_of(attributes), "defs.yaml"), target, source))]


def messages(target: Table, source: Table, severity: Severity = Severity.ERROR) -> list[str]:
    return [f.message for f in findings(target, source) if f.severity is severity]


def grants(role: str, *privileges: str, column: str | None = None) -> tuple[Grant, ...]:
    return tuple(Grant(role, privilege, column=column) for privilege in privileges)


def policy(name: str, using: str, *, command: str = "*", permissive: bool = True, roles: str = "public") -> Policy:
    return Policy(name, command, permissive, (roles,), using, None)


def test_the_same_grants_pass() -> None:
    both = grants("reader", "SELECT", "UPDATE", "DELETE")
    assert findings(replace(TARGET, grants=both), replace(SOURCE, grants=both)) == []


def test_a_role_that_may_read_the_target_alone_is_named() -> None:
    target = replace(TARGET, grants=grants("reader", "SELECT", "DELETE"))
    assert messages(target, SOURCE) == [
        "role reader may SELECT on public.t, but not on public.s",
        "role reader may DELETE on public.t, but not on public.s",
    ]


def test_what_everybody_may_covers_a_role() -> None:
    target = replace(TARGET, grants=grants("reader", "SELECT"))
    source = replace(SOURCE, grants=grants("public", "SELECT"))
    assert messages(target, source) == []


def test_columns_are_compared_where_they_go() -> None:
    target = replace(TARGET, grants=grants("reader", "SELECT"))
    source = replace(
        SOURCE, grants=(*grants("reader", "SELECT", column="id"), *grants("reader", "SELECT", column="title"))
    )
    assert messages(target, source) == ["role reader may SELECT (belongs_to) on public.t, but not on public.s"]


def test_another_owner_of_the_target_is_a_role_like_any() -> None:
    target = replace(TARGET, owner="boss", grants=grants("boss", "SELECT"))
    assert messages(target, SOURCE) == ["role boss may SELECT on public.t, but not on public.s"]


def test_a_role_that_loses_its_rows_is_a_warning() -> None:
    source = replace(SOURCE, grants=grants("writer", "SELECT", "INSERT"))
    assert messages(TARGET, source) == []
    assert messages(TARGET, source, Severity.WARNING) == [
        "role writer may SELECT, INSERT on public.s, but not on public.t: it loses the rows"
    ]


def test_row_security_of_a_source_alone_is_refused() -> None:
    source = replace(SOURCE, row_security=True, policies=(policy("own", "(owner = CURRENT_USER)"),))
    assert messages(TARGET, source) == [
        "public.s has row security, and public.t has none: every row could be seen there"
    ]


def test_a_policy_that_lets_everybody_in_is_no_row_security() -> None:
    source = replace(SOURCE, row_security=True, policies=(policy("all", "true"),))
    assert messages(TARGET, source) == []
    for_some = replace(SOURCE, row_security=True, policies=(policy("all", "true", roles="staff"),))
    assert len(messages(TARGET, for_some)) == 1
    restricted = replace(source, policies=(*source.policies, policy("no", "false", permissive=False)))
    assert len(messages(TARGET, restricted)) == 1


def test_the_same_policy_over_renamed_columns_is_the_same() -> None:
    source = replace(SOURCE, row_security=True, policies=(policy("own", "(owner = CURRENT_USER)"),))
    target = replace(TARGET, row_security=True, policies=(policy("theirs", "(belongs_to = CURRENT_USER)"),))
    assert findings(target, source) == []


def test_a_policy_of_the_target_that_allows_more_is_named() -> None:
    source = replace(SOURCE, row_security=True, policies=(policy("own", "(owner = CURRENT_USER)"),))
    target = replace(TARGET, row_security=True, policies=(policy("open", "true", command="r"),))
    assert messages(target, source) == ["policy open of public.t allows SELECT where no policy of public.s does"]


def test_a_policy_for_the_same_command_is_told_with_what_is_wider() -> None:
    source = replace(SOURCE, row_security=True, policies=(policy("own", "(owner = CURRENT_USER)", roles="staff"),))
    target = replace(TARGET, row_security=True, policies=(policy("open", "true"),))
    assert messages(target, source) == [
        "policy open of public.t allows all commands beyond policy own of public.s:"
        " USING true instead of (belongs_to = CURRENT_USER); for public instead of staff"
    ]


def test_a_restrictive_policy_must_be_there_too() -> None:
    restrictive = policy("late", "(id > 9)", permissive=False)
    source = replace(SOURCE, row_security=True, policies=(policy("all", "true"), restrictive))
    target = replace(TARGET, row_security=True, policies=(policy("all", "true"),))
    assert messages(target, source) == ["policy late of public.s restricts, and public.t has none like it"]
    assert messages(replace(target, policies=(*target.policies, restrictive)), source) == []


def test_wider_access_can_be_accepted_and_is_then_a_warning() -> None:
    target = replace(TARGET, grants=grants("reader", "SELECT"))
    found = findings(target, SOURCE, f"{ATTRIBUTES}accept: [wider_access]\n")
    assert [f.severity for f in found] == [Severity.WARNING]


def test_a_source_without_rows_keeps_nobody_away() -> None:
    target = replace(TARGET, grants=grants("reader", "SELECT"))
    empty = "target: t\nsources:\n  - {table: s, columns: {owner: belongs_to}, expect_empty: true}\n"
    assert findings(target, SOURCE, empty) == []
