"""YAML is read with its lines, and never guessed at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.yaml_text import lines_of, nearest_line, plain, read_yaml, without


def value_of(text: str) -> object:
    node, findings = read_yaml(text)
    assert node is not None
    assert findings == ()
    return plain(node)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("1.10", "1.10"),
        ("007", "007"),
        ("1e3", "1e3"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("y", "y"),
        ('"no"', "no"),
        ("'null'", "null"),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("99999999999999999999", "99999999999999999999"),
        (".nan", ".nan"),
    ],
)
def test_only_what_prints_the_same_is_more_than_text(written: str, value: object) -> None:
    read = value_of(f"a: {written}")
    assert read == {"a": value}
    assert isinstance(read, dict)
    assert type(read["a"]) is type(value)


def test_keys_may_be_null_true_or_a_number() -> None:
    assert value_of("null: a\ntrue: b\n2: c\n") == {None: "a", True: "b", 2: "c"}


def test_every_value_knows_its_line() -> None:
    node, _ = read_yaml("a: 1\nb:\n  - x\n  - {c: 1,\n     d: 2}\n~: 3\n")
    assert node is not None
    assert lines_of(node) == {
        (): 1, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4, ("b", 1, "d"): 5, ("None",): 6,
    }  # fmt: skip


def test_the_nearest_line_is_that_of_what_encloses() -> None:
    assert nearest_line({(): 1, ("a",): 4}, ("a", "unknown", 3)) == 4
    assert nearest_line({}, ("a",)) is None


def test_what_is_left_out_does_not_move_the_lines_of_the_rest() -> None:
    node, _ = read_yaml("a: [1]\nb:\n  - x\n  - y\n  - z\n")
    assert node is not None
    rest = without(node, frozenset({("a",), ("b", 0), ("b", 2)}))
    assert plain(rest) == {"b": ["y"]}
    assert lines_of(rest)[("b", 0)] == 4


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, '"a" stands twice here, first in line 1'),
        ("1: a\ntrue: b\n", 2, '"true" stands twice here, first in line 1'),
        ("a: 1\nb: no\n", 2, "no without quotes is false to some"),
        ("a:\n  On: x\n", 2, "On without quotes is true to some"),
        ("a: &v {b: 1}\nc:\n  <<: *v\n", 3, "a merge key"),
        ("a: !!python/name:os.system x\n", 1, "the tag python/name:os.system"),
        ("a: 1\n---\nb: 2\n", 3, "a second YAML document"),
        ("? [a, b]\n: c\n", 1, "a key that is a list or a mapping"),
        ("a: 1\nb: &v [*v]\n", 2, "an alias that contains itself"),
        ("a: 1\nb: c: d\n", 2, "not YAML: mapping values are not allowed here"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("a: 'open\n", 2, "not YAML"),
        ("a: 1\nb: \x07\n", 2, "not YAML: the character"),
        ("", 1, "the file is empty"),
        ("# nothing\n", 1, "the file is empty"),
        ("[" * 5000, 1, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_one_way_only_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    _, findings = read_yaml(text)
    assert [(finding.spec_line, message in finding.message) for finding in findings] == [(line, True)]


def test_an_alias_stands_for_what_it_names() -> None:
    assert value_of("a: &v {b: 1}\nc: *v\n") == {"a": {"b": 1}, "c": {"b": 1}}


@given(st.text(alphabet="ab:-[]{}\"'&*!|>#%@~\n \t1,?", max_size=40))
def test_reading_never_fails_without_a_finding(text: str) -> None:
    node, findings = read_yaml(text)
    assert node is not None or findings
