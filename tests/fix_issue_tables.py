"""The first users' issue tables and file tables, described by hand, and specs that fold them."""

from __future__ import annotations

from dataclasses import replace

from pipelines.core.fold import Fold, build_fold
from pipelines.core.lens import Lens
from pipelines.core.lens_building import build_lens
from pipelines.core.schema import (
    Action,
    Column,
    ColumnType,
    Constraint,
    ConstraintKind,
    Index,
    JsonEncoding,
    Schema,
    Table,
    TableKind,
    TableName,
)
from pipelines.core.spec import Spec
from pipelines.core.spec_file import parse_spec

_CATEGORIES = {"bigint": "N", "integer": "N", "boolean": "B", "jsonb": "U", "uuid": "U", "text": "S"}
_DRAWN = {"serial": "integer", "bigserial": "bigint"}

ISSUES_SPEC = """\
type: pipelines.Consolidation
attributes:
  description: Three issue tables become one.
  target: public.exai_issues
  add_columns:
    source_system: {type: text}
    priority: {type: text, check: "priority ~ '^P[0-3]$'"}
  drop_not_null: [conversation_id]
  sources:
    - table: public.exai_issues_tracker
      columns:
        issue_id: id
        issue_title: title
        issue_description: description
        severity:
          to: severity
          values: {Critical: critical, High: high, Medium: medium, Low: low}
        category: {to: category, forward: "'other'", lossy: true}
        root_cause_confirmed: root_cause
        fix_implementation_details: actual_fix
        status:
          to: status
          values: {New: open, Investigating: in_progress, Root Cause Identified: in_progress,
                   Fix In Progress: in_progress, Fixed: fixed, Verified: verified}
          lossy: true
        discovered_date: discovery_date
        root_cause_hypothesis: metadata.root_cause_hypothesis
        diagnostic_approach: metadata.diagnostic_approach
        fix_strategy: metadata.fix_strategy
        affected_files: metadata.affected_files
        source: metadata.source_system
        notes: metadata.notes
      set:
        source_system: exai_issues_tracker
        metadata.legacy.category: {expression: "{category}"}
    - table: public.issues
      key: new
      columns:
        title: title
        description: description
        category: {to: category, forward: "'other'", lossy: true}
        priority:
          to: severity
          values: {CRITICAL: critical, HIGH: high, MEDIUM: medium, LOW: low}
        status:
          to: status
          values: {OPEN: open, IN_PROGRESS: in_progress, RESOLVED: fixed, WONT_FIX: wont_fix}
        root_cause: root_cause
        resolution: actual_fix
        affected_tools: affected_components
        created_at: created_at
        updated_at: updated_at
        resolved_at: fix_date
        issue_code: metadata.issue_code
        first_detected_run_id: metadata.first_detected_run_id
        resolved_run_id: metadata.resolved_run_id
      rest: metadata.legacy.rest
      set:
        source_system: issues
        metadata.legacy.category: {expression: "{category}"}
  foreign_keys:
    - {table: public.issue_occurrences, columns: [issue_id], on_delete: cascade}
    - {table: public.exai_issue_updates, columns: [issue_id], on_delete: cascade}
  approval: drop
  drop_after: 7d
"""

FILES_SPEC = """\
type: pipelines.Consolidation
attributes:
  target: public.files
  add_columns:
    provider_file_ids: {type: jsonb, default: "'{}'"}
    file_hash: {type: text}
  sources:
    - {table: public.file_metadata, expect_empty: true}
"""


def type_of(text: str) -> ColumnType:
    """A built-in type as the catalog describes it."""
    bare = text.removesuffix("[]")
    array = bare != text
    encoding = JsonEncoding.ARRAY if array else JsonEncoding.JSONB if bare == "jsonb" else JsonEncoding.NATIVE
    return ColumnType(text, abs(hash(text)) % 99_999, "A" if array else _CATEGORIES.get(bare, "D"), "b", encoding, text)


def table(name: str, key: str, columns: str, constraints: tuple[Constraint, ...] = ()) -> Table:
    """A table from `name type, name type`; `serial` draws from a sequence, an exclamation mark is NOT NULL."""
    named = TableName.parse(name)
    made = tuple(_column(named, n, text.strip()) for n, text in enumerate(columns.split(","), 1))
    index = Index(f"{named.name}_pkey", "", (key,), (key,), unique=True, primary=True)
    primary = Constraint(named, f"{named.name}_pkey", ConstraintKind.PRIMARY, (key,), f"PRIMARY KEY ({key})")
    made = tuple(replace(c, not_null=c.not_null or c.name == key) for c in made)
    return Table(named, len(name), TableKind.TABLE, made, (primary, *constraints), (index,))


def _column(of: TableName, position: int, text: str) -> Column:
    name, _, written = text.partition(" ")
    bare, default = written.rstrip("!").partition(" default ")[::2]
    drawn = _DRAWN.get(bare)
    return Column(
        name,
        type_of(drawn or bare),
        position,
        not_null=written.endswith("!"),
        default=f"nextval('{of.name}_{name}_seq'::regclass)" if drawn else default or None,
        sequence=TableName(of.schema, f"{of.name}_{name}_seq") if drawn else None,
    )


def foreign_key(child: str, column: str, parent: str, parent_column: str) -> Constraint:
    """A key of one column."""
    named = TableName.parse(child)
    return Constraint(
        named,
        f"{named.name}_{column}_fkey",
        ConstraintKind.FOREIGN,
        (column,),
        f"FOREIGN KEY ({column}) REFERENCES {parent}({parent_column})",
        references=TableName.parse(parent),
        references_columns=(parent_column,),
        on_delete=Action.NO_ACTION,
    )


ISSUES = table(
    "public.exai_issues",
    "id",
    "id uuid default gen_random_uuid(), issue_number serial, title text!, description text!, severity text!, "
    "category text, status text, file_path text, line_start integer, line_end integer, affected_components text[], "
    "conversation_id text!, fix_conversation_id text, root_cause text, impact_description text, recommended_fix text, "
    "actual_fix text, related_issues uuid[], blocks_issues uuid[], blocked_by_issues uuid[], "
    "discovery_date timestamp with time zone, fix_date timestamp with time zone, "
    "verification_date timestamp with time zone, metadata jsonb, created_at timestamp with time zone, "
    "updated_at timestamp with time zone",
)
TRACKER = table(
    "public.exai_issues_tracker",
    "issue_id",
    "issue_id uuid, issue_title text, issue_description text, severity text, category text, "
    "affected_components text[], root_cause_hypothesis text, root_cause_confirmed text, diagnostic_approach text, "
    "fix_strategy text, fix_implementation_details text, affected_files text[], priority text, status text, "
    "discovered_date timestamp with time zone, source text, related_issues uuid[], notes text, "
    "created_at timestamp with time zone, updated_at timestamp with time zone",
)
OLD_ISSUES = table(
    "public.issues",
    "id",
    "id bigserial, issue_code text, title text!, description text!, category text!, priority text!, status text, "
    "root_cause text, resolution text, affected_tools text[], first_detected_run_id bigint, resolved_run_id bigint, "
    "created_at timestamp with time zone, updated_at timestamp with time zone, resolved_at timestamp with time zone",
)
OCCURRENCES_KEY = foreign_key("public.issue_occurrences", "issue_id", "public.issues", "id")
UPDATES_KEY = foreign_key("public.exai_issue_updates", "issue_id", "public.exai_issues", "id")
OCCURRENCES = table("public.issue_occurrences", "id", "id bigserial, issue_id bigint", (OCCURRENCES_KEY,))
UPDATES = table("public.exai_issue_updates", "id", "id bigserial, issue_id uuid, content text", (UPDATES_KEY,))
FILES = table(
    "public.files", "id", "id uuid default gen_random_uuid(), storage_path text!, mime_type text, metadata jsonb"
)
FILE_METADATA = table("public.file_metadata", "file_id", "file_id uuid, original_filename text!, file_size bigint!")


def issues_spec() -> Spec:
    """Three issue tables into one."""
    return parse_spec("issues", ISSUES_SPEC, "defs.yaml")


def fold_of(spec: Spec, *tables: Table) -> Fold:
    """The fold of a spec over these tables; a finding that refuses it fails the test."""
    inbound = tuple(key for t in tables for key in t.foreign_keys)
    schema = Schema({t.name: t for t in tables}, inbound)
    built = build_lens(spec, schema, {added.type: type_of(added.type) for added in spec.add_columns})
    assert built.lens is not None, built.findings
    assert not built.findings
    return build_fold(spec, schema, built.lens).fold


def issues_fold() -> Fold:
    """The fold of three issue tables."""
    return fold_of(issues_spec(), ISSUES, TRACKER, OLD_ISSUES, OCCURRENCES, UPDATES)


def files_fold() -> Fold:
    """The fold of a file table that is empty."""
    return fold_of(parse_spec("files", FILES_SPEC, "defs.yaml"), FILES, FILE_METADATA)


def issues_lens() -> Lens:
    """The lens of three issue tables."""
    return issues_fold().lens
