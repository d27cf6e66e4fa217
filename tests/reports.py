"""A report and a plan of the first users' issue tables, with counts of our own making."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files

from psycopg import sql

from pipelines.core.digest import Digest
from pipelines.core.findings import note, warning
from pipelines.core.fold import ChildChange
from pipelines.core.json_rows import SavedRows
from pipelines.core.ledger_rows import FoldStanding
from pipelines.core.lens_proof import Proof
from pipelines.core.manifest import SavedFile, SavedTable
from pipelines.core.mapping_words import Loss, MappingFacts
from pipelines.core.plan import ChildFacts, Disk, LockFacts, LossyColumn, Plan, Role, TableFacts
from pipelines.core.reconciliation import Blocked, Blocking, EditedColumn, Obstacles, Verdict
from pipelines.core.report import (
    Cell,
    CheckLine,
    Edit,
    LockWindow,
    ReadBack,
    Report,
    ReportRun,
    SampleRow,
    Status,
    TableHash,
    Timing,
    Undo,
    Versions,
)
from pipelines.core.report_html import StyleSheets
from pipelines.core.schema import Action, TableName
from pipelines.core.statement import Statement
from tests.fix_issue_tables import issues_fold

TRACKER = TableName("public", "exai_issues_tracker")
OLD_ISSUES = TableName("public", "issues")
OCCURRENCES = TableName("public", "issue_occurrences")
TARGET = TableName("public", "exai_issues")
KEY = "8e07b1c4-52d9-4a6e-9d2f-7e1d2f0c9a11"
AEDT = timezone(timedelta(hours=11), "AEDT")
STARTED = datetime(2026, 11, 24, 20, 12, 48, tzinfo=UTC)
FINISHED = datetime(2026, 11, 24, 20, 16, 51, tzinfo=UTC)

FACTS = MappingFacts(
    {TRACKER: 1_284_310, OLD_ISSUES: 212_406, OCCURRENCES: 3_120},
    96_118,
    1_592_834,
    {(TRACKER, "category"): Loss(9, "other"), (OLD_ISSUES, "category"): Loss(2, "other")},
    ("source_system", "priority"),
)

CHECKS = (
    CheckLine("Every source row reads back equal through the inverse", "1,496,716 of 1,496,716", "0 differ", 9.1,
              Status.OK),
    CheckLine("Rows are all there, none twice", "96,118 + 1,496,716", "= 1,592,834", 1.4, Status.OK),
    CheckLine("Child rows all find their issue", "22,559 in 3 tables", "0 orphans", 0.3, Status.OK),
)  # fmt: skip

CELLS = (
    Cell("issue_id", KEY, "id", KEY, KEY),
    Cell("severity", "Critical", "severity", "critical", "Critical"),
    Cell("category", "Path Handling", "category", "other", "Path Handling", lossy=True, from_archive=True),
    Cell("diagnostic_approach", "Replayed", "metadata.diagnostic_approach", '"Replayed"', "Replayed"),
    Cell("notes", None, "metadata.notes", "null", None),
)

EDITS = (
    Edit(KEY, "title", "lost in Windows paths", "lost in WSL paths", "issue_title", "lost in WSL paths"),
    Edit("5d1c90af-52d9-4a6e-9d2f-7e1d2f0c9a11", "severity", "high", "critical", "severity", "Critical"),
)

FREE = Verdict(
    unchanged=1_496_714,
    edited_rows=2,
    edited=(EditedColumn(TRACKER, "title", 1), EditedColumn(TRACKER, "severity", 1)),
    lock_estimate_s=0.02,
)

BLOCKED = Verdict(
    (
        Obstacles(1, (Blocked(TARGET, (KEY,), "status 'verified' has no counterpart in public.issues.status: OPEN, "
                              "IN_PROGRESS, RESOLVED, WONT_FIX", "edit it, or --set-aside keeps it for the next fold",
                              Blocking.NO_COUNTERPART),)),
        Obstacles(31, (Blocked(TableName("public", "exai_issue_updates"), ("91",),
                               "comment of 2026-11-30 on an issue that goes home",
                               "--set-aside keeps it for the next fold", Blocking.CHILD),)),
    ),
    unchanged=13,
    edited_rows=2,
)  # fmt: skip


def issues_report() -> Report:
    """A fold in force, with two edits since."""
    return Report(
        fold=issues_fold(),
        facts=FACTS,
        standing=FoldStanding.FOLDED,
        run=ReportRun("7c2e41aa-52d9-4a6e-9d2f-7e1d2f0c9a11", "3f9a1c" + "0" * 58, "ana", STARTED, FINISHED),
        versions=Versions("17.6", "0.4.0"),
        spec_label="pipelines/defs/issues/defs.yaml",
        read_back=ReadBack(1_496_716, 1_496_716),
        lock=LockWindow(0.006, 0.010, 0.005),
        checks=CHECKS,
        samples=(SampleRow(TRACKER, KEY, CELLS), SampleRow(OLD_ISSUES, "7", CELLS[1:3])),
        hashes=(_hash("exai_issues_tracker"), _hash("issues"), _hash("exai_issues", None)),
        timings=(Timing("export", "6 tables, 1,615,393 rows", 31.2), Timing("cut over", "locked 6 ms", 76.1)),
        undo=Undo(FINISHED, FREE, EDITS),
        zone=AEDT,
    )


def failed_report() -> Report:
    """A fold that failed its proof, and a verdict that says no."""
    details = ("7: column title: a\nb became <b>c</b>", "9: not staged")
    check = CheckLine(
        "2 of 15 rows of public.issues do not read back equal", "15", "2 differ", 0.2, Status.FAILED, details
    )
    return replace(
        issues_report(),
        standing=FoldStanding.FOLDING,
        read_back=ReadBack(15, 13),
        lock=LockWindow(),
        checks=(check,),
        samples=(),
        hashes=(),
        timings=(),
        undo=Undo(FINISHED, BLOCKED),
    )


def _hash(name: str, restored: str | None = "9f3c81d207be4a65") -> TableHash:
    first, second = "9f3c81d207be4a65", "61b80f4da927e3c5"
    file = SavedFile(f"data/public.{name}.jsonl.zst", 331 * 2**20, "5b1e0c9a" + "0" * 50 + "e2d47f")
    saved = SavedTable(SavedRows(TableName("public", name), (), ()), file, Digest(1_284_310, first, second))
    return TableHash(saved, None if restored is None else Digest(1_284_310, restored, second))


def issues_plan() -> Plan:
    """A plan that was proven on every row and refuses nothing."""
    fold = issues_fold()
    tables = ((TARGET, Role.TARGET, 11), (TRACKER, Role.SOURCE, 14), (OLD_ISSUES, Role.SOURCE, 1))
    locked = (OLD_ISSUES, TRACKER, TARGET, OCCURRENCES, TableName("public", "test_runs"))
    return Plan(
        fold.spec,
        fold,
        (
            warning("statements", "public.issues", "statements in pg_stat_statements still read public.issues: 2",
                    "see them first"),
            note("lossy", "public.issues.category", "column category of public.issues is lossy"),
        ),
        "3f9a1c" + "0" * 58,
        0.4,
        tables=tuple(TableFacts(name, role, rows, True, 8192) for name, role, rows in tables),
        proofs=(Proof(TRACKER, 14, 0, 0.012, ()), Proof(OLD_ISSUES, 1, 0, 0.008, ())),
        children=(ChildFacts(OCCURRENCES, ("issue_id",), OLD_ISSUES, ChildChange.TYPE, "bigint", "uuid",
                             Action.CASCADE, 3, 0.01),),
        locks=(
            LockFacts("add_columns", TARGET, "ACCESS EXCLUSIVE", 0.005),
            LockFacts("add_columns", TRACKER, "SHARE ROW EXCLUSIVE", 0.002),
            *(LockFacts("cut_over", name, "ACCESS EXCLUSIVE", 0.01) for name in locked),
        ),
        lossy=(
            LossyColumn(TRACKER, "category", "category", Loss(9, "other")),
            LossyColumn(OLD_ISSUES, "category", "category", Loss(2, "other")),
        ),
        disk=Disk(48 * 1024, 64 * 1024, 20 * 1024),
        steps=(("add_columns", (Statement("add column source_system", sql.SQL("ALTER TABLE t ADD s text")),)),),
    )  # fmt: skip


def style_sheets() -> StyleSheets:
    """The ones that are shipped."""
    folder = files("pipelines.report_assets")
    theme, picture, report = ((folder / f"{name}.css").read_text("utf-8") for name in ("theme", "picture", "report"))
    return StyleSheets(theme, picture, report)
