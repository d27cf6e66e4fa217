"""Children: what the target must offer them, and what stands in the way when their key's values or type change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipelines.core.child_keys import child_findings
from pipelines.core.findings import Finding, Severity
from pipelines.core.fold import Fold
from pipelines.core.literals import literal_findings
from pipelines.core.schema import (
    Column,
    Constraint,
    ConstraintKind,
    Dependent,
    DependentKind,
    Index,
    Policy,
    Schema,
    Table,
    TableName,
    Trigger,
)
from pipelines.core.spec_file import parse_spec
from tests.fix_issue_tables import fold_of, foreign_key, table
from tests.planning import spec_of

NEW = "target: t\nsources:\n  - {table: s, key: new}\n"
CHILD = TableName("public", "c")
TARGET = table("public.t", "id", "id uuid default gen_random_uuid(), title text")
SAME_TYPE = table("public.t", "id", "id integer default 7, title text")
SOURCE = table("public.s", "id", "id integer, title text")
KEY = foreign_key("public.c", "s_id", "public.s", "id")
BASE = table("public.c", "id", "id integer, s_id integer, other integer", (KEY,))


def fold(child: Table, *others: Table, target: Table = TARGET, attributes: str = NEW) -> Fold:
    return fold_of(parse_spec("things", spec_of(attributes), "defs.yaml"), target, SOURCE, child, *others)


def messages(made: Fold, check: Callable[[Fold], object] = child_findings) -> list[str]:
    found = [finding for finding in check(made) if isinstance(finding, Finding)]  # type: ignore[attr-defined]
    return [f.message for f in found if f.severity is Severity.ERROR]


def blockers(child: Table, *dependents: Dependent) -> list[str]:
    made = fold(child)
    made = replace(made, schema=Schema(made.schema.tables, made.schema.inbound, dependents))
    prefix = "public.c.s_id changes from integer to uuid, and "
    return [message.removeprefix(prefix) for message in messages(made)]


def with_column(child: Table, changed: Column) -> Table:
    return replace(child, columns=tuple(changed if c.name == changed.name else c for c in child.columns))


def check_of(expression: str, *columns: str) -> Constraint:
    return Constraint(CHILD, "ok", ConstraintKind.CHECK, columns, f"CHECK ({expression})", expression=expression)


def index(*, reads: tuple[str, ...] = (), key: str = "id", predicate: str | None = None) -> Index:
    column = key if key.isidentifier() else None
    return Index("i", "CREATE INDEX i", (key,), (column,), False, False, predicate=predicate, expression_columns=reads)


def trigger(definition: str, *columns: str) -> Trigger:
    return Trigger("tr", definition, "O", "public.f", columns=columns)


def test_a_plain_child_passes_whether_its_type_changes_or_not() -> None:
    assert messages(fold(BASE)) == []
    assert messages(fold(BASE, target=SAME_TYPE)) == []


@pytest.mark.parametrize(
    ("child", "message"),
    [
        (replace(BASE, constraints=(*BASE.constraints, check_of("s_id > 0", "s_id"))), "CHECK ok uses it"),
        (replace(BASE, triggers=(trigger("...", "s_id"),)), "trigger tr names it in UPDATE OF or WHEN"),
        (
            replace(BASE, policies=(Policy("p", "*", True, ("public",), "s_id > 0", None, ("s_id",)),)),
            "policy p uses it",
        ),
        (
            replace(BASE, indexes=(*BASE.indexes, index(key="(s_id + 1)", reads=("s_id",)))),
            "an expression or the predicate of index i uses it",
        ),
        (replace(BASE, partition_key=("s_id",)), "it is in the partition key"),
        (replace(BASE, partition_of=TableName("public", "w")), "the table is a partition of public.w"),
        (replace(BASE, inherits=(TableName("public", "w"),)), "the table inherits from public.w"),
        (with_column(BASE, replace(BASE["s_id"], identity="d")), "it is an identity column"),
        (
            with_column(BASE, replace(BASE["other"], generated=True, generated_from=("s_id",))),
            "generated column other is computed from it",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_alter_type_refuses_is_named(child: Table, message: str) -> None:
    assert blockers(child) == [message]


@pytest.mark.parametrize(
    ("dependent", "message"),
    [
        (Dependent(CHILD, DependentKind.VIEW, "public.v", columns=("s_id",)), ["view public.v uses it"]),
        (Dependent(CHILD, DependentKind.VIEW, "public.v", columns=("other",)), []),
        (Dependent(CHILD, DependentKind.POLICY, "p on public.o", columns=("s_id",)), ["policy p on public.o uses it"]),
        (
            Dependent(CHILD, DependentKind.PUBLICATION, "pub", "ALTER ... WHERE (s_id > 1)", ("s_id",)),
            ["the WHERE of publication pub uses it"],
        ),
        (Dependent(CHILD, DependentKind.PUBLICATION, "pub", "ALTER ... (id, s_id)", ("s_id",)), []),
        (Dependent(CHILD, DependentKind.STRING_FUNCTION, "public.f()", columns=("s_id",)), []),
    ],
    ids=lambda value: value.kind if isinstance(value, Dependent) else "",
)
def test_dependents_of_the_column_are_named_and_no_others(dependent: Dependent, message: list[str]) -> None:
    assert blockers(BASE, dependent) == message


def test_nothing_of_that_stands_in_the_way_of_new_values() -> None:
    child = replace(BASE, policies=(Policy("p", "*", True, ("public",), "s_id > 0", None, ("s_id",)),))
    assert messages(fold(child, target=SAME_TYPE)) == []


def test_a_default_of_the_old_type_is_a_warning() -> None:
    found = [*child_findings(fold(with_column(BASE, replace(BASE["s_id"], default="7"))))]
    assert [(f.severity, f.rule) for f in found] == [(Severity.WARNING, "default")]


def test_the_target_needs_a_unique_key_for_what_a_child_references() -> None:
    kept = "target: t\nsources:\n  - table: s\n"
    code = foreign_key("public.c", "code", "public.s", "code")
    child = table("public.c", "id", "id integer, code text", (code,))
    source = table("public.s", "id", "id integer, code text")
    target = table("public.t", "id", "id integer, code text")
    spec = parse_spec("things", spec_of(kept), "defs.yaml")
    wanted = "public.c would reference public.t (code), which is no unique key there"
    assert messages(fold_of(spec, target, source, child)) == [wanted]
    unique = Index("u", "", ("code",), ("code",), unique=True, primary=False)
    for unusable in (
        replace(unique, immediate=False),
        replace(unique, predicate="id > 0"),
        replace(unique, valid=False),
        replace(unique, unique=False),
    ):
        assert messages(fold_of(spec, replace(target, indexes=(*target.indexes, unusable)), source, child)) == [wanted]
    assert messages(fold_of(spec, replace(target, indexes=(*target.indexes, unique)), source, child)) == []


def test_an_action_that_can_never_work_is_refused_only_where_the_spec_asks_for_it() -> None:
    asked = f"{NEW}foreign_keys:\n  - {{table: c, columns: [s_id], on_delete: set null}}\n"
    not_null = with_column(BASE, replace(BASE["s_id"], not_null=True))
    assert messages(fold(not_null)) == []
    assert messages(fold(BASE, attributes=asked)) == []
    assert messages(fold(not_null, attributes=asked)) == [
        "SET NULL for public.c.s_id can never work: the column is NOT NULL"
    ]


def test_a_column_that_holds_another_key_too_cannot_follow() -> None:
    other = foreign_key("public.c", "s_id", "public.o", "id")
    child = replace(BASE, constraints=(*BASE.constraints, replace(other, name="second")))
    assert messages(fold(child, table("public.o", "id", "id integer"))) == [
        "foreign key second of public.c uses the same column as the key to public.s, whose values change,"
        " and references public.o"
    ]


def test_a_column_that_holds_keys_of_two_sources_cannot_follow_both() -> None:
    second = table("public.s2", "id", "id integer, title text")
    other = replace(foreign_key("public.c", "s_id", "public.s2", "id"), name="second")
    child = replace(BASE, constraints=(*BASE.constraints, other))
    assert messages(fold(child, second, attributes=f"{NEW}  - {{table: s2, key: new}}\n")) == [
        "public.c.s_id references public.s and public.s2, and its values change"
    ]
    kept = "target: t\nsources:\n  - table: s\n  - table: s2\n"
    target = table("public.t", "id", "id integer, title text")
    assert messages(fold(child, second, target=target, attributes=kept)) == []


@pytest.mark.parametrize(
    ("child", "what"),
    [
        (replace(BASE, constraints=(*BASE.constraints, check_of("s_id <> 4", "s_id"))), "CHECK ok of public.c"),
        (
            replace(BASE, indexes=(*BASE.indexes, index(reads=("s_id",), predicate="s_id = 3"))),
            "index i of public.c",
        ),
        (
            replace(BASE, triggers=(trigger("CREATE TRIGGER tr AFTER UPDATE ON c EXECUTE FUNCTION f('x', '17')"),)),
            "an argument of trigger tr of public.c",
        ),
        (
            replace(
                BASE,
                triggers=(
                    trigger("CREATE TRIGGER tr AFTER UPDATE ON c WHEN (new.s_id = 17) EXECUTE FUNCTION f()", "s_id"),
                ),
            ),
            "the condition of trigger tr of public.c",
        ),
    ],
    ids=["check", "predicate", "argument", "condition"],
)
def test_a_literal_about_a_key_whose_values_change_is_refused_unless_accepted(child: Table, what: str) -> None:
    made = fold(child, target=SAME_TYPE)
    (refusal,) = messages(made, literal_findings)
    assert refusal.startswith(f"the values of public.c.s_id change, and {what} may hold some: ")
    accepted = fold(child, target=SAME_TYPE, attributes=f"{NEW}accept: [literal_keys]\n")
    assert [f.severity for f in literal_findings(accepted)] == [Severity.WARNING]


@pytest.mark.parametrize(
    "child",
    [
        replace(BASE, constraints=(*BASE.constraints, check_of("s_id > other", "s_id", "other"))),
        replace(BASE, constraints=(*BASE.constraints, check_of("other <> 4", "other"))),
        replace(BASE, indexes=(*BASE.indexes, index(reads=("s_id",), predicate="s_id IS NOT NULL"))),
        replace(BASE, triggers=(trigger("CREATE TRIGGER tr AFTER UPDATE ON c EXECUTE FUNCTION f('x')"),)),
    ],
    ids=["columns", "another column", "is not null", "no number"],
)
def test_what_holds_no_literal_about_the_key_passes(child: Table) -> None:
    assert messages(fold(child, target=SAME_TYPE), literal_findings) == []


def test_literals_are_no_matter_while_the_values_stay() -> None:
    child = replace(BASE, constraints=(*BASE.constraints, check_of("s_id <> 4", "s_id")))
    target = table("public.t", "id", "id integer, title text")
    assert (
        messages(fold(child, target=target, attributes="target: t\nsources:\n  - table: s\n"), literal_findings) == []
    )
