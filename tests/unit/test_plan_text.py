"""What a plan, a refusal and a verdict say: short lines, the object named, the next command last."""

from __future__ import annotations

from dataclasses import replace

from pipelines.core.findings import error, warning
from pipelines.core.fold import Fold
from pipelines.core.mapping_text import mapping_lines
from pipelines.core.mapping_words import MappingFacts, short_type, value_words
from pipelines.core.plan_text import findings_lines, line_status, plan_lines, plan_markdown, refusal_lines, sql_lines
from pipelines.core.reconciliation import Blocked, Blocking, Obstacles, Verdict
from pipelines.core.report import Status
from pipelines.core.schema import ColumnType
from pipelines.core.spec import Otherwise, ValueMap
from pipelines.core.spec_file import parse_spec
from pipelines.core.undo_text import undo_lines
from pipelines.core.wording import width_of
from tests.fix_issue_tables import FILES, files_fold, fold_of, issues_lens, table
from tests.reports import BLOCKED, FACTS, FREE, TARGET, issues_plan

FINDINGS = (
    error("same_name", "public.issues.notes", 'column "notes" of public.issues has no place in public.exai_issues',
          "map it, or set rest: metadata.legacy", 14),
    error("value", "public.issues.severity", "4 values of severity have no counterpart: 'Sev1' (3), 'sev 2' (1)",
          "add them to values, or otherwise: keep", 121),
    error("privilege", "app", "role app may not set session_replication_role",
          "GRANT SET ON PARAMETER session_replication_role TO app"),
)  # fmt: skip

PLAN = """\
issues: public.exai_issues_tracker (14), public.issues (1) -> public.exai_issues (11)     plan 3f9a1c

  exai_issues_tracker                 exai_issues
  issue_id uuid                    =  id uuid
  issue_title text                 =  title text
  issue_description text           =  description text
  severity text                    ~  severity text                   Critical, High, Medium, Low -> lower case
  category text                    !  category text
      lossy: 9 values -> 'other' (exact value kept in the archive, readable in metadata.legacy.category)
  affected_components text[]       =  affected_components text[]
  root_cause_hypothesis text       >  metadata.root_cause_hypothesis
  root_cause_confirmed text        =  root_cause text
  diagnostic_approach text         >  metadata.diagnostic_approach
  fix_strategy text                >  metadata.fix_strategy
  fix_implementation_details text  =  actual_fix text
  affected_files text[]            >  metadata.affected_files
  priority text                    =  priority text
  status text                      !  status text  lossy: 3 values -> 'in_progress' (exact value kept in the archive)
  discovered_date timestamptz      =  discovery_date timestamptz
  source text                      >  metadata.source_system
  related_issues uuid[]            =  related_issues uuid[]
  notes text                       >  metadata.notes
  created_at timestamptz           =  created_at timestamptz
  updated_at timestamptz           =  updated_at timestamptz
  'exai_issues_tracker'            +  source_system text              added, constant
  {category}                       +  metadata.legacy.category        from category

  issues                              exai_issues
  id bigserial                     *  id uuid                         new key, in the row map
  issue_code text                  >  metadata.issue_code
  title text                       =  title text
  description text                 =  description text
  category text                    !  category text
      lossy: 2 values -> 'other' (exact value kept in the archive, readable in metadata.legacy.category)
  priority text                    ~  severity text                   CRITICAL, HIGH, MEDIUM, LOW -> lower case
  status text                      ~  status text
      OPEN -> open, IN_PROGRESS -> in_progress, RESOLVED -> fixed, WONT_FIX -> wont_fix
  root_cause text                  =  root_cause text
  resolution text                  =  actual_fix text
  affected_tools text[]            =  affected_components text[]
  first_detected_run_id bigint     >  metadata.first_detected_run_id
  resolved_run_id bigint           >  metadata.resolved_run_id
  created_at timestamptz           =  created_at timestamptz
  updated_at timestamptz           =  updated_at timestamptz
  resolved_at timestamptz          =  fix_date timestamptz
  'issues'                         +  source_system text              added, constant
  {category}                       +  metadata.legacy.category        from category

  35 columns, all placed, 3 lossy; 10 more that only exai_issues has, untouched
  = same or renamed, ~ mapped one to one, > into a JSON path, * new key, in the row map, ! lossy

  proof      15 of 15 rows read back equal                                        20 ms
  children   issue_occurrences.issue_id bigint -> uuid (3 rows), CASCADE          lock about 10 ms
  locks      exai_issues                                                          at add columns, about 5 ms
             exai_issues_tracker (SHARE ROW EXCLUSIVE)                            at add columns, about 2 ms
             issues, exai_issues_tracker, exai_issues, issue_occurrences, test_runs  at cut over, about 10 ms
  disk       48 kB for backup, 64 kB for staging, 20 kB in the target
  privileges all held
  warning    statements in pg_stat_statements still read public.issues: 2; see them first

Nothing was changed. Next: pgfold run issues"""


def test_a_plan_is_a_page_that_ends_in_the_next_command() -> None:
    assert "\n".join(plan_lines(issues_plan())) == PLAN


def test_no_line_is_wider_than_the_terminal_and_no_identifier_is_cut() -> None:
    for width in (60, 80, 100):
        lines = plan_lines(issues_plan(), width)
        assert [line for line in lines if width_of(line) > width] == []
        words = {word.strip("(),;'.") for line in lines for word in line.split()}
        assert {"fix_implementation_details", "metadata.first_detected_run_id", "issue_occurrences.issue_id"} <= words


def test_a_refused_plan_lists_every_finding_with_its_line() -> None:
    refused = replace(issues_plan(), fold=None, findings=(*FINDINGS, warning("view", "v", "a view reads it")))
    assert plan_lines(refused) == [
        "refused: 3 findings, nothing was touched",
        "  database       role app may not set session_replication_role",
        "                 GRANT SET ON PARAMETER session_replication_role TO app",
        '  defs.yaml:14   column "notes" of public.issues has no place in public.exai_issues',
        "                 map it, or set rest: metadata.legacy",
        "  defs.yaml:121  4 values of severity have no counterpart: 'Sev1' (3), 'sev 2' (1)",
        "                 add them to values, or otherwise: keep",
    ]


def test_a_plan_that_was_not_proven_says_so() -> None:
    quick = plan_lines(replace(issues_plan(), quick=True, proofs=()))
    assert "  proof      left out (--quick)" in quick
    unproven = plan_lines(replace(issues_plan(), proofs=()))
    assert "  proof      no row was compared" in unproven


def test_findings_break_at_blanks_and_hold_no_escape() -> None:
    lines = findings_lines(
        [error("x", "o", "view \x1b[31mpublic.\u202eopen reads it", "drop it\nfirst", 3)], "a.yaml", 40
    )
    assert lines == [
        "  a.yaml:3  view",
        "            \\x1b[31mpublic.\\u202eopen",
        "            reads it",
        "            drop it\\nfirst",
    ]


def test_one_finding_is_one() -> None:
    assert refusal_lines(FINDINGS[:1], "defs.yaml")[0] == "refused: 1 finding, nothing was touched"


def test_a_warning_says_that_it_is_one() -> None:
    assert findings_lines([warning("x", "o", "two views read it")], "defs.yaml") == [
        "  database  warning: two views read it"
    ]


def test_a_fold_that_can_be_undone_says_what_it_would_do() -> None:
    assert undo_lines("issues", FREE) == [
        "Can be undone: yes (nothing was changed)",
        "",
        "  1,496,714 rows unchanged, 0 deleted, 2 edited: title (1), severity (1). Lock about 20 ms.",
        "",
        "Next: pgfold rollback issues",
    ]


def test_each_row_in_the_way_is_named_with_what_to_do() -> None:
    assert undo_lines("issues", BLOCKED, 100) == [
        "Can be undone: no, 32 rows stand in the way (nothing was changed)",
        "",
        "  public.exai_issues 8e07b1c4-52d9-4a6e-9d2f-7e1d2f0c9a11  status 'verified' has no counterpart in",
        "      public.issues.status: OPEN, IN_PROGRESS, RESOLVED, WONT_FIX",
        "      edit it, or --set-aside keeps it for the next fold",
        "  public.exai_issue_updates 91  comment of 2026-11-30 on an issue that goes home",
        "      --set-aside keeps it for the next fold",
        "  and 30 more rows for the same reason, not listed",
        "",
        "  13 rows unchanged, 0 deleted, 2 edited.",
        "",
        "Next: pgfold rollback issues --set-aside, or do what stands above",
    ]


def test_a_remedy_for_several_rows_is_said_once() -> None:
    rows = tuple(Blocked(TARGET, (str(n),), "it is gone", "put it back", Blocking.DELETED) for n in (1, 2))
    lines = undo_lines("issues", Verdict((Obstacles(2, rows),), deleted=2))
    assert lines[2:5] == [
        "  public.exai_issues 1  it is gone",
        "  public.exai_issues 2  it is gone",
        "      put it back",
    ]
    assert lines[-1] == "Next: pgfold rollback issues --accept-deletes, or do what stands above"


def test_ten_rows_of_a_reason_are_listed_and_the_others_counted() -> None:
    rows = tuple(Blocked(TARGET, (str(n),), "it is new", "", Blocking.NO_COUNTERPART) for n in range(1, 14))
    lines = undo_lines("issues", Verdict((Obstacles(1500, rows),)))
    assert lines[2:13] == [
        *(f"  public.exai_issues {n}  it is new" for n in range(1, 11)),
        "  and 1,490 more rows for the same reason, not listed",
    ]


def test_a_line_that_counts_all_its_rows_is_not_followed_by_another_count() -> None:
    every = Blocked(
        TARGET, (), "11 of 16 rows that came from public.issues are gone", "put them back", Blocking.DELETED
    )
    assert undo_lines("issues", Verdict((Obstacles(11, (every,)),), deleted=11))[2:5] == [
        "  public.exai_issues  11 of 16 rows that came from public.issues are gone",
        "      put them back",
        "",
    ]


def test_a_finding_about_the_catalog_stands_in_the_way_too() -> None:
    taken = error("name_taken", "public.issues", "public.issues is a new table now", "rename it first")
    lines = undo_lines("issues", Verdict(findings=(taken,)))
    assert lines[0] == "Can be undone: no, 1 finding stands in the way (nothing was changed)"
    assert lines[-1] == "Next: do what stands above, then pgfold rollback issues --plan"


def test_lines_tell_their_state() -> None:
    told = [line for line in plan_lines(issues_plan()) if line_status(line) is Status.WARN]
    assert [line.split()[0] for line in told] == ["category", "lossy:", "status", "category", "lossy:", "warning"]
    assert line_status("refused: 3 findings, nothing was touched") is Status.FAILED
    assert line_status(undo_lines("issues", FREE)[0]) is Status.OK
    assert line_status(undo_lines("issues", BLOCKED)[0]) is Status.FAILED


def test_the_sql_stands_below_its_purpose() -> None:
    assert sql_lines(issues_plan()) == [
        "-- add_columns: 1 statement",
        "",
        "-- add column source_system",
        "ALTER TABLE t ADD s text;",
        "",
    ]


def test_markdown_shows_the_same_facts() -> None:
    text = plan_markdown(issues_plan())
    assert "| proof | 15 of 15 rows read back equal | 20 ms |" in text
    assert (
        "| children | issue\\_occurrences.issue\\_id bigint \\-\\> uuid \\(3 rows\\), CASCADE | lock about 10 ms |"
        in text
    )
    assert "  severity text                    ~  severity text" in text


def test_an_empty_source_has_one_line() -> None:
    assert mapping_lines(files_fold().lens, MappingFacts(added=("provider_file_ids", "file_hash"))) == [
        "  file_metadata: 3 columns, no row to bring",
        "  4 more that only files has, untouched",
    ]


def long_names() -> Fold:
    source = table("public." + "s" * 60, "id", f"id uuid, {'a' * 63} text, 日本語 text")
    text = f"""\
type: pipelines.Consolidation
attributes:
  target: files
  sources: [{{table: {"s" * 60}, rest: metadata.legacy, columns: {{id: id}}, set: {{storage_path: x}}}}]
"""
    return fold_of(parse_spec("long", text, "defs.yaml"), FILES, source)


def test_a_name_wider_than_half_a_line_stands_alone() -> None:
    lines = mapping_lines(long_names().lens, MappingFacts(), 80)
    assert f"  {'a' * 63} text" in lines
    assert lines[lines.index(f"  {'a' * 63} text") + 1].strip() == f">  metadata.legacy.{'a' * 63}"
    marked = [line for line in lines if line.startswith(("  日本語 text", "  id uuid"))]
    assert len({width_of(line.partition(mark)[0]) for line, mark in zip(marked, "=>", strict=True)}) == 1


def test_value_maps_are_told_in_short() -> None:
    pairs = (("New", "open"), ("Begun", "in_progress"), ("Known", "in_progress"), (None, "none"))
    said = value_words(ValueMap(pairs, Otherwise.VALUE, "other")).replace("\u00a0", " ")
    assert said == "New -> open; Begun, Known -> in_progress; NULL -> none; others -> other"
    many = ValueMap(tuple((f"v{n}", n) for n in range(9)), Otherwise.KEEP)
    assert value_words(many).replace("\u00a0", " ") == (
        "v0 -> 0, v1 -> 1, v2 -> 2, v3 -> 3, 5 more; others as they are"
    )


def test_types_are_named_as_people_write_them() -> None:
    names = {
        ("timestamp(3) with time zone", "timestamp with time zone"): "timestamptz(3)",
        ("character varying(20)[]", "character varying[]"): "varchar(20)[]",
        ("numeric(10,2)", "numeric"): "numeric(10,2)",
        ("public.file_type", "public.file_type"): "file_type",
        ('"My Schema"."Odd.Type"', '"My Schema"."Odd.Type"'): '"My Schema"."Odd.Type"',
    }
    assert {key: short_type(ColumnType(key[0], 1, "S", "b", bare=key[1])) for key in names} == names


def test_facts_that_nobody_counted_are_left_out() -> None:
    plan = replace(issues_plan(), tables=())
    assert plan_lines(plan)[0] == (
        "issues: public.exai_issues_tracker, public.issues -> public.exai_issues     plan 3f9a1c"
    )
    assert mapping_lines(issues_lens(), FACTS)[0] == "  exai_issues_tracker                 exai_issues"
