"""Every mistake in a defs.yaml is named at once, with its line and a remedy."""

from __future__ import annotations

from textwrap import dedent

import pytest

from pipelines.core.errors import SpecError
from pipelines.core.spec_file import parse_spec
from tests.unit.spec_texts import LEAST, with_added, with_attribute, with_column, with_key, with_source


def mistakes(text: str, name: str = "issues") -> list[tuple[int | None, str, str]]:
    with pytest.raises(SpecError) as caught:
        parse_spec(name, text, "defs.yaml")
    return [(finding.spec_line, finding.message, finding.remedy) for finding in caught.value.findings]


@pytest.mark.parametrize(
    ("text", "line", "message", "remedy"),
    [
        (with_source("colums: {}"), 6, 'unknown attribute "colums"', 'did you mean "columns"?'),
        (with_source("xyz: 1"), 6, 'unknown attribute "xyz"', "write one of table, key"),
        (with_attribute("drop_afer: 7d"), 6, 'unknown attribute "drop_afer"', 'did you mean "drop_after"?'),
        (with_column("{to: d, values: }"), 7, "c: values is left empty", "give values, or leave it out"),
        (with_column("{to: d, forward: }"), 7, "c: forward is left empty", "give forward, or leave it out"),
        (with_column("{too: d}"), 7, 'unknown attribute "too"', 'did you mean "to"?'),
        (with_column("{values: {a: b}}"), 7, "to is missing in c", "add to:"),
        (with_added("x: {typ: text}"), 6, 'unknown attribute "typ"', 'did you mean "type"?'),
        (with_key(", ondelete: cascade"), 6, 'unknown attribute "ond', '"on_delete"?'),
        (LEAST.replace("target: a", "targt: a"), 3, 'unknown attribute "targt"', 'did you mean "target"?'),
        (LEAST.replace("type:", "typ:"), 1, 'unknown key "typ"', 'did you mean "type"?'),
        (LEAST.replace("pipelines.C", "pipeline.C"), 1, "the type is not that of", "pipelines.Consolidation"),
        ("type: pipelines.Consolidation\n", 1, "attributes is missing", "target: and sources:"),
        ("- a\n", 1, "the file is no mapping", "write type:"),
        (LEAST.replace("table: b", "table: a.b.c"), 5, '"a.b.c" is not a table name', "write schema.table"),
        (LEAST.replace("\n    - table: b", " []"), 4, "sources: an empty list", "name at least one"),
        (with_source("table: c"), 6, '"table" stands twice', "keep one"),
        (with_source("columns:\n  c: d\n  c: e\n"), 8, '"c" stands twice here, first in line 7', "keep one"),
        (with_source("columns:\n  no: d\n"), 7, "no without quotes is false", '"no" in quotes'),
        (with_source("key: kep"), 6, "key should be 'keep' or 'new'", 'did you mean "keep"?'),
        (with_source("key_columns: id"), 6, 'key_columns is "id"', "write a list"),
        (with_source("key_columns: [id, id]"), 5, "key_columns names id twice", "name it once"),
        (with_source("expect_empty: maybe"), 6, 'expect_empty is "maybe"', "write true or false"),
        (with_source("on_conflict: ignore"), 6, '"ignore" is not a rule for conflicts', "write error or skip"),
        (with_source("rest: a..b"), 6, '"a..b" is not a column or a path', "write column"),
        (with_source("set: {x: [1]}"), 6, "set.x: neither a constant nor an", "{expression: ...}"),
        (with_source("set: {x: {expresion: a}}"), 6, "set.x: neither a constant nor an", "{expression: ...}"),
        (with_source("set: {x: {expression: a, b: c}}"), 6, 'unknown attribute "b"', "write one of expression"),
        (with_source("set: {.x: 1}"), 6, '".x" is not a column or a path', "write column"),
        (with_source("set: {x: {expression: a; b}}"), 6, "has a semicolon", "one expression"),
        (with_column("x" * 64), 7, "is longer than 63 bytes", "a shorter one"),
        (with_source(f"columns: {{{'é' * 32}: f}}"), 6, "is longer than 63 bytes", "a shorter one"),
        (with_added(f"{'x' * 64}: text"), 6, "is longer than 63 bytes", "a shorter one"),
        (with_source(f"set: {{{'x' * 64}: 1}}"), 6, "is longer than 63 bytes", "a shorter one"),
        (with_attribute(f"drop_not_null: [{'x' * 64}]"), 6, "is longer than 63 bytes", "a shorter one"),
        (LEAST.replace("public.b", "x" * 64).replace("table: b", "table: " + "x" * 64), 5, "longer than 63 bytes", ""),
        (with_column("7"), 7, "c: no place for this column", "with to:"),
        (with_column("''"), 7, '"" is not a column or a path', "write column"),
        (with_column("[a, '']"), 7, "a list is not a column or a path", "write column"),
        (with_column("{to: d, values: {a: [b]}}"), 7, "c.values.a: a list is not a single value", "write text"),
        (with_column("{to: d, values: {}}"), 7, "c: values without a value", "list source value"),
        (with_column("{to: d, values: {a: b}, forward: 'x'}"), 7, "c: both values and SQL", "keep one"),
        (with_column("{to: d, otherwise: keep}"), 7, "c: otherwise without values", "give values"),
        (with_column("{to: d, inverse: '{d}'}"), 7, "c: an inverse without a forward", "give the forward"),
        (with_column("{to: d, forward: '{c}'}"), 7, "c has a forward and no way back", "mark it lossy: true"),
        (with_column("{to: d, values: {a: x, b: x}}"), 7, "map 'a', 'b' to 'x', so there is", "lossy: true"),
        (with_column("{to: d, values: {a: 1, b: '1'}}"), 7, "map 'a', 'b' to 1, so there is", "lossy: true"),
        (with_column("{to: d, values: {1: x, '1': y}}"), 7, "values of c name 1 more than once", "keep one"),
        (with_column("{to: d, values: {a: x}, otherwise: null}"), 7, "otherwise of c gives every other", "lossy: true"),
        (with_column("{to: d, values: {a: x}, otherwise: y}"), 7, "otherwise of c gives every other", "lossy: true"),
        (with_column("{to: d, lossy: perhaps}"), 7, 'c.lossy is "perhaps"', "write true or false"),
        (with_source("columns:\n  c:\n    to: d\n    forward: (select 1)\n"), 9, "a query (SELECT)", "one row"),
        (with_source("columns: {c: d, e: d}"), 6, "column c (line 6) and column e both write d", "a place of its own"),
        (with_source("columns: {c: d.x, e: d.x.y}"), 6, "write into one another: d.x and d.x.y", "a place of its own"),
        (with_source("columns: {c: d}\nset: {d: 1}"), 7, "column c (line 6) and set d both write d", "of its own"),
        (with_source("columns: {c: d}\nrest: d.x"), 7, "column c (line 6) and rest write into", "of its own"),
        (with_source("columns: {c: d.x}\nrest: d.x"), 7, "column c (line 6) and rest both write d.x", "of its own"),
        (with_source("set: {d: 1}\nrest: d"), 7, "set d (line 6) and rest both write d", "of its own"),
        (with_source("set: {d.x: 1, 'd.\"x\"': 2}"), 6, "both write d.x", "a place of its own"),
        (LEAST + "    - table: a\n", 6, "public.a is the target and a source", "name another target"),
        (LEAST + "    - table: public.b\n", 6, "public.b is a source twice (line 5)", "in one entry"),
        (with_added("x: 7"), 6, "add_columns.x: no type for this column", "with type:"),
        (with_added("x: text; drop"), 6, '"text; drop" is not a type', "write a type"),
        (with_added("x: text not null"), 6, "says more than a type (not, null)", "not_null:"),
        (with_added("x: bigserial"), 6, "a sequence and a default", "an integer type"),
        (with_added("x: {type: text, default: \"'a\"}"), 6, "a quote that is never closed", "SQL"),
        (with_added("x: {type: int, check: '{x} > 1'}"), 6, "names a column in braces", "without braces"),
        (with_attribute("add_columns: {x: int}\n  drop_not_null: [x]"), 6, "in add_columns and in", "not_null"),
        (with_attribute("drop_not_null: [x, x]"), 6, "drop_not_null names x twice", "name it once"),
        (with_attribute("foreign_keys: [{table: t, columns: []}]"), 6, "columns: an empty list", "at least one"),
        (with_key(""), 6, "the rule for public.t (x) says nothing", "on_delete"),
        (with_key(", on_delete: casc"), 6, '"casc" is not an action', "cascade"),
        (with_key(", references: c"), 6, "is not a source here", "whose key"),
        (with_attribute("foreign_keys: [&k {table: t, columns: [x], references: b}, *k]"), 6, "two rules", "entry"),
        (with_attribute("accept: [wider]"), 6, "accept[0] should be 'wider_access'", ""),
        (with_attribute("approval: dropp"), 6, "approval should be", 'did you mean "drop"?'),
        (with_attribute("drop_after: 7"), 6, "drop_after: 7 has no unit", "7d"),
        (with_attribute("drop_after: 7 days"), 6, '"7 days" is not a duration', "7d"),
        (with_attribute("batch_rows: 0"), 6, "batch_rows should be greater than or equal to 1", ""),
        (with_attribute("batch_rows: many"), 6, 'batch_rows is "many"', "a whole number"),
        (with_attribute("lock_timeout: 0s"), 6, "lock_timeout: 0s is no time", "at least 1ms"),
        (with_attribute("lock_wait: 100ms"), 6, "lock_wait (0.1 s) is shorter than one try", "several times"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_a_remedy(text: str, line: int, message: str, remedy: str) -> None:
    found = mistakes(text)
    assert [where for where, _, _ in found] == [line] * len(found)
    assert [what for _, what, how in found if message in what and remedy in how]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (with_source("match: {a: b}"), "match: not supported yet"),
        (with_source("unmatched: skip"), "unmatched: not supported yet"),
        (with_source("on_conflict: new_key"), "on_conflict: new_key is not supported yet"),
        (with_column("{to: d, values: {a: b}, keep_in: m.x}"), "c.keep_in: not supported yet"),
        (with_column("[{to: d}, {to: m.x}]"), "c: one column to several places is not supported yet"),
        (with_column("{to: [[d], [e]]}"), "c: one column to several places is not supported yet"),
        (with_attribute("compatibility_views: true"), "compatibility_views: not supported yet"),
        (with_attribute("compatibility_views: {key: target}"), "compatibility_views: not supported yet"),
    ],
)
def test_what_comes_later_is_refused_by_name(text: str, message: str) -> None:
    assert [what for _, what, _ in mistakes(text)] == [message]


def test_every_mistake_is_listed_at_once_in_the_order_of_the_file() -> None:
    text = dedent("""\
        type: pipelines.Consolidation
        attributes:
          targte: a
          sources:
            - table: b
              key: nw
              columns:
                x: {to: d, values: {p: q, r: q}}
                y: {to: e, forward: "(", inverse: "{e}"}
                z: d
            - {tabel: c}
            - table: b
          batch_rows: 0
        """)
    assert [line for line, _, _ in mistakes(text)] == [3, 3, 6, 8, 9, 10, 11, 11, 12, 13]


def test_the_message_lists_file_line_mistake_and_remedy() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec("issues", with_source("colums: {}\nmatch: {}"), "pipelines/defs/issues/defs.yaml")
    assert str(caught.value).splitlines() == [
        "issues: 2 mistakes",
        '  pipelines/defs/issues/defs.yaml:6  unknown attribute "colums"; did you mean "columns"?',
        "  pipelines/defs/issues/defs.yaml:7  match: not supported yet; leave it out: a source's rows are appended "
        "to the target",
    ]


@pytest.mark.parametrize("name", ["Issues", "1st", "a-b", "", "a" * 32, "é"])
def test_a_name_that_postgres_or_dagster_would_change_is_refused(name: str) -> None:
    assert mistakes(LEAST, name)[0][1].endswith("is no name for a consolidation")
