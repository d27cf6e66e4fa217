"""A defs.yaml becomes a Spec."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest

from pipelines.core.errors import SpecError
from pipelines.core.place import Place
from pipelines.core.schema import Action, TableName
from pipelines.core.spec import (
    Accept,
    AddColumn,
    Approval,
    ColumnRule,
    CustomSql,
    ForeignKeyRule,
    KeyMode,
    OnConflict,
    Otherwise,
    Rest,
    RestKind,
    SetRule,
    SourceSpec,
    Spec,
    ValueMap,
)
from pipelines.core.spec_file import parse_spec, spec_from_model
from pipelines.core.spec_model import ConsolidationModel
from tests.unit.spec_texts import LEAST, with_added, with_attribute, with_column

EVERYTHING = """\
type: pipelines.Consolidation
attributes:
  description: Two issue tables become one.
  target: issues_all
  add_columns:
    source_system: text
    priority: {type: "varchar(2)", default: "'P2'", not_null: true, check: "priority ~ '^P[0-3]$'"}
    seen: {type: integer, default: 0}
  drop_not_null: [conversation_id]
  sources:
    - table: tracking.issues
      key: new
      key_columns: [issue_id]
      columns:
        issue_title: title
        approach: metadata.diagnostic.approach
        notes: [metadata, "notes.raw"]
        severity:
          to: severity
          values: {Critical: critical, null: unknown, 2: two, true: 1.5}
          otherwise: keep
        legacy_code:
          to: external_ref
          forward: "'LEGACY-' || {legacy_code}"
          inverse: "substr({external_ref}, 8)"
        category: {to: category, forward: "'other'", lossy: true}
        kind: {to: metadata."kind.raw", values: {a: b, c: b}, otherwise: null, lossy: true}
        state: {to: state, values: {a: b}, otherwise: c, lossy: true}
      rest: metadata.legacy
      set:
        source_system: tracking
        metadata.folded: true
        folded_at: {expression: "now()"}
      on_conflict: skip
    - table: public.other
      rest: drop
      expect_empty: true
  foreign_keys:
    - {table: occurrences, columns: [issue_id], on_delete: cascade}
    - {table: public.store, columns: [a, b], references: other, on_delete: set null, on_update: no_action}
  compatibility_views: false
  accept: [wider_access, literal_keys]
  approval: both
  drop_after: 2w
  batch_rows: 500
  lock_timeout: 1s
  lock_wait: 5m
"""


def test_every_attribute_is_read() -> None:
    assert parse_spec("issues", EVERYTHING, "defs.yaml") == Spec(
        name="issues",
        target=TableName("public", "issues_all"),
        sources=(
            SourceSpec(
                table=TableName("tracking", "issues"),
                key=KeyMode.NEW,
                key_columns=("issue_id",),
                columns=(
                    ColumnRule("issue_title", Place("title"), line=15),
                    ColumnRule("approach", Place("metadata", ("diagnostic", "approach")), line=16),
                    ColumnRule("notes", Place("metadata", ("notes.raw",)), line=17),
                    ColumnRule(
                        "severity",
                        Place("severity"),
                        ValueMap(
                            (("Critical", "critical"), (None, "unknown"), (2, "two"), (True, 1.5)), Otherwise.KEEP
                        ),
                        line=18,
                    ),
                    ColumnRule(
                        "legacy_code",
                        Place("external_ref"),
                        custom=CustomSql("'LEGACY-' || {legacy_code}", "substr({external_ref}, 8)"),
                        line=22,
                    ),
                    ColumnRule("category", Place("category"), custom=CustomSql("'other'"), lossy=True, line=26),
                    ColumnRule(
                        "kind",
                        Place("metadata", ("kind.raw",)),
                        ValueMap((("a", "b"), ("c", "b")), Otherwise.NULL),
                        lossy=True,
                        line=27,
                    ),
                    ColumnRule(
                        "state", Place("state"), ValueMap((("a", "b"),), Otherwise.VALUE, "c"), lossy=True, line=28
                    ),
                ),
                rest=Rest(RestKind.PATH, Place("metadata", ("legacy",)), line=29),
                set=(
                    SetRule(Place("source_system"), "tracking", line=31),
                    SetRule(Place("metadata", ("folded",)), True, line=32),
                    SetRule(Place("folded_at"), expression="now()", line=33),
                ),
                on_conflict=OnConflict.SKIP,
                line=11,
            ),
            SourceSpec(
                table=TableName("public", "other"),
                rest=Rest(RestKind.DROP, line=36),
                expect_empty=True,
                line=35,
            ),
        ),
        description="Two issue tables become one.",
        add_columns=(
            AddColumn("source_system", "text", line=6),
            AddColumn("priority", "varchar(2)", "'P2'", True, "priority ~ '^P[0-3]$'", line=7),
            AddColumn("seen", "integer", "0", line=8),
        ),
        drop_not_null=("conversation_id",),
        foreign_keys=(
            ForeignKeyRule(TableName("public", "occurrences"), ("issue_id",), on_delete=Action.CASCADE, line=39),
            ForeignKeyRule(
                TableName("public", "store"),
                ("a", "b"),
                TableName("public", "other"),
                Action.SET_NULL,
                Action.NO_ACTION,
                line=40,
            ),
        ),
        accept=frozenset({Accept.WIDER_ACCESS, Accept.LITERAL_KEYS}),
        approval=Approval.BOTH,
        drop_after=timedelta(days=14),
        batch_rows=500,
        lock_timeout_s=1.0,
        lock_wait_s=300.0,
        text=EVERYTHING,
        sha256=sha256(EVERYTHING.encode()).hexdigest(),
        target_line=4,
    )


def test_what_is_left_out_has_the_defaults_of_the_spec() -> None:
    spec = parse_spec("least", LEAST, "defs.yaml")
    assert spec == Spec(
        name="least",
        target=TableName("public", "a"),
        sources=(SourceSpec(TableName("public", "b"), rest=Rest(line=5), line=5),),
        text=LEAST,
        sha256=sha256(LEAST.encode()).hexdigest(),
        target_line=3,
    )


@pytest.mark.parametrize(
    "type_sql",
    ["text", "numeric(10, 2)", "timestamp(3) with time zone", "text[]", 'audit."Severity"', "int[3][]"],
)
def test_a_type_is_written_as_in_sql(type_sql: str) -> None:
    spec = parse_spec("issues", with_added(f"x: '{type_sql}'"), "defs.yaml")
    assert spec.add_columns[0].type == type_sql


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("cascade", Action.CASCADE),
        ("restrict", Action.RESTRICT),
        ("no_action", Action.NO_ACTION),
        ("no action", Action.NO_ACTION),
        ("SET NULL", Action.SET_NULL),
        ("set_default", Action.SET_DEFAULT),
    ],
)
def test_actions_are_written_as_in_sql_or_with_an_underscore(word: str, action: Action) -> None:
    text = with_attribute(f"foreign_keys: [{{table: t, columns: [x], on_delete: {word}}}]")
    assert parse_spec("issues", text, "defs.yaml").foreign_keys[0].on_delete is action


def test_many_to_one_is_allowed_where_it_is_marked_lossy() -> None:
    rule = parse_spec("issues", with_column("{to: d, values: {a: x, b: x}, lossy: true}"), "d").sources[0].columns[0]
    assert rule.values == ValueMap((("a", "x"), ("b", "x")))


def test_json_tells_a_number_from_its_text() -> None:
    rule = parse_spec("issues", with_column("{to: m.d, values: {a: 1, b: '1'}}"), "d").sources[0].columns[0]
    assert rule.values == ValueMap((("a", 1), ("b", "1")))


def test_a_model_without_its_file_has_no_lines() -> None:
    model = ConsolidationModel.model_validate({"target": "a", "sources": [{"table": "b", "columns": {"c": "d"}}]})
    spec = spec_from_model("issues", model, "", {})
    assert (spec.target_line, spec.sources[0].line, spec.sources[0].columns[0].line) == (None, None, None)


def test_a_model_is_checked_as_a_whole() -> None:
    model = ConsolidationModel.model_validate({"target": "a", "sources": [{"table": "a"}]})
    with pytest.raises(SpecError, match=r"public\.a is the target and a source of it"):
        spec_from_model("issues", model, "", {})


def test_dagster_can_show_the_form_of_the_attributes() -> None:
    schema = ConsolidationModel.model_json_schema()
    assert schema["required"] == ["target", "sources"]
    assert schema["additionalProperties"] is False
