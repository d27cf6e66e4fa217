"""The report says what happened, and what it does not know; any value is text in it, and everybody can read it."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core.answers import answers, title
from pipelines.core.asked import sentences
from pipelines.core.checks import Check
from pipelines.core.fold import Fold
from pipelines.core.ledger_rows import FoldStanding
from pipelines.core.report import Cell, CheckLine, Report, SampleRow, Status, check_line
from pipelines.core.report_html import report_html
from pipelines.core.report_markdown import report_markdown
from pipelines.core.spec_file import parse_spec
from tests.fix_issue_tables import FILES, files_fold, fold_of, table
from tests.pages import Element, cells, read_page
from tests.reports import CHECKS, FACTS, TRACKER, failed_report, issues_report, style_sheets


@pytest.fixture(scope="module")
def page() -> Element:
    return read_page(report_html(issues_report(), style_sheets()))


def section(page: Element, id: str) -> Element:
    return next(s for s in page.all("section") if any(h.attributes.get("id") == id for h in s.all("h2")))


def shown(element: Element) -> str:
    return element.text.replace("\u00a0", " ")


def asked(fold: Fold) -> list[str]:
    return ["".join(part.text for part in sentence) for sentence in sentences(fold, FACTS)]


def answered(report: Report) -> dict[str, tuple[str, str, Status | None]]:
    return {a.question: (a.answer, a.sentence, a.status) for a in answers(report)}


def test_it_opens_with_four_answers(page: Element) -> None:
    assert [shown(h) for h in page.all("h1")] == ["Three issue tables are now one"]
    assert [[shown(p) for p in tile.all("p")] for tile in page.all("div", "tile")] == [
        ["Result", "Nothing lost", "1,496,716 of 1,496,716 source rows read back equal."],
        ["Lock window", "6 ms", "Planned about 10 ms. The longest wait of others was 5 ms."],
        ["Lossy", "3 of 35 columns", "Their exact values stay in the archive and the sealed backup."],
        ["Can be undone", "Yes", "2 rows edited since; both keep their edits. No deadline."],
    ]
    assert "Wed 25 Nov 2026, 07:12:48 to 07:16:51 AEDT. Run 7c2e41, plan 3f9a1c, by ana" in shown(page)


def test_what_nobody_measured_is_unknown_and_never_well() -> None:
    report = replace(issues_report(), read_back=None, undo=None, lock=type(issues_report().lock)(), checks=())
    states = {a.question: (a.answer, a.status) for a in answers(report)}
    assert states == {
        "Result": ("Not proven", Status.UNKNOWN),
        "Lock window": ("Not locked", Status.UNKNOWN),
        "Lossy": ("3 of 35 columns", Status.WARN),
        "Can be undone": ("Not computed", Status.UNKNOWN),
    }
    page = read_page(report_html(report, style_sheets()))
    assert "Not computed yet." in shown(section(page, "undo"))
    assert "No check has run." in shown(section(page, "checks"))


def test_a_failure_is_said_first_and_by_name() -> None:
    report = failed_report()
    found = answered(report)
    assert found["Result"] == ("2 rows differ", "13 of 15 source rows read back equal.", Status.FAILED)
    assert found["Can be undone"] == ("No", "32 rows stand in the way.", Status.FAILED)
    page = read_page(report_html(report, style_sheets()))
    assert "7: column title: a\nb became <b>c</b>" in section(page, "checks").text
    assert "pgfold rollback issues --plan" in shown(section(page, "undo"))
    assert "status 'verified' has no counterpart" in shown(section(page, "undo"))


def test_a_failed_check_outweighs_rows_that_read_back() -> None:
    orphan = CheckLine("3 child rows find no issue", "22,559", "3 orphans", 0.3, Status.FAILED)
    assert answered(replace(issues_report(), checks=(*CHECKS, orphan)))["Result"][0::2] == (
        "1 check failed",
        Status.FAILED,
    )


def test_a_check_that_stops_nothing_is_a_warning() -> None:
    check = Check("swept_2", "A row escaped", passed=False, over=1_000, found=1, took_s=0.5, blocking=False)
    assert check_line(check) == CheckLine("A row escaped", "1,000", "1 missed", 0.5, Status.WARN)
    assert check_line(replace(check, blocking=True)).status is Status.FAILED
    assert check_line(replace(check, passed=True, name="new_kind", found=0)).found == "0 found"


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (FoldStanding.FOLDING, "Three issue tables are to become one"),
        (FoldStanding.DROPPED, "Three issue tables are now one"),
        (FoldStanding.ROLLED_BACK, "Three issue tables are three again"),
    ],
)
def test_the_title_says_where_the_fold_stands(standing: FoldStanding, said: str) -> None:
    assert title(replace(issues_report(), standing=standing)) == said


def test_a_name_that_is_no_plain_plural_stays_out_of_the_title() -> None:
    fold = files_fold()
    report = replace(issues_report(), fold=fold)
    assert title(report) == "Two file tables are now one"
    for name in ("statuses", "boxes", "orders_2026", "status", "x"):
        renamed = replace(report, fold=replace(fold, spec=replace(fold.spec, name=name)))
        assert title(renamed) == "Two tables are now one"


def test_after_the_drop_exact_values_are_in_the_sealed_backup_alone() -> None:
    lossy = answered(replace(issues_report(), standing=FoldStanding.DROPPED))["Lossy"]
    assert lossy[1] == "Their exact values stay in the sealed backup."
    assert "exact values kept in the sealed backup" in report_markdown(
        replace(issues_report(), standing=FoldStanding.DROPPED)
    )


def test_what_was_asked_is_told_in_sentences() -> None:
    assert asked(issues_report().fold) == [
        "Keep exai_issues; add source_system and priority.",
        "Bring in exai_issues_tracker under its own keys.",
        "Bring in issues under new keys, because its key is bigint and that of exai_issues uuid.",
        "What the spec does not name of issues goes into metadata.legacy.rest.",
        "Rows of exai_issues_tracker get source_system = 'exai_issues_tracker'.",
        "Rows of issues get source_system = 'issues'.",
        "Let conversation_id be NULL from now on.",
        "Repoint issue_occurrences (3,120 rows; bigint to uuid), delete rule CASCADE.",
        "exai_issue_updates gets the delete rule CASCADE.",
        "Drop both tables after 7 days, once a person approved.",
    ]
    assert asked(files_fold()) == [
        "Keep files; add provider_file_ids and file_hash.",
        "Prove that file_metadata is empty.",
        "Drop file_metadata after 7 days, once a person approved.",
    ]


def test_other_wishes_have_their_sentences() -> None:
    text = """\
type: pipelines.Consolidation
attributes:
  target: files
  sources: [{table: old, on_conflict: skip, rest: drop, columns: {id: id, path: storage_path}}]
  accept: [wider_access, literal_keys]
  approval: both
  drop_after: 0s
"""
    old = table("public.old", "id", "id uuid, path text, size text")
    assert asked(fold_of(parse_spec("files", text, "defs.yaml"), FILES, old)) == [
        "Keep files.",
        "Bring in old under its own keys.",
        "What the spec does not name of old stays in the archive alone.",
        "Skip a row of old whose key or unique value files has.",
        "Accept literal_keys and wider_access.",
        "Cut over once a person approved.",
        "Drop old at any time, once a person approved.",
    ]


def test_checks_stand_with_their_numbers_and_lossy_columns_by_name(page: Element) -> None:
    assert cells(section(page, "checks").all("table")[0]) == [
        ["Every source row reads back equal through the inverse", "1,496,716 of 1,496,716", "0 differ", "9.1 s"],
        ["Rows are all there, none twice", "96,118 + 1,496,716", "= 1,592,834", "1.4 s"],
        ["Child rows all find their issue", "22,559 in 3 tables", "0 orphans", "0.3 s"],
        [
            "Columns without an inverse, exact values kept in the archive",
            "exai_issues_tracker.category, exai_issues_tracker.status, issues.category",
            "3 lossy",
            "",
        ],
    ]


def test_a_row_is_shown_there_and_back(page: Element) -> None:
    rows = cells(section(page, "sample").all("table")[0])
    assert rows[2] == ["category", "Path Handling", "category", "other", "Path Handlingfrom the archive"]
    assert rows[4] == ["notes", "NULL", "metadata.notes", "null", "NULL"]
    assert "exai_issues_tracker 8e07b1c4, drawn by the seed of the plan. 1 more row is further down." in shown(page)
    assert [shown(h) for h in section(page, "samples").all("h3")] == ["issues 7"]


def test_a_value_that_came_back_different_is_marked() -> None:
    sample = SampleRow(TRACKER, "1", (Cell("a", "x", "a", "y", "y"),))
    page = read_page(report_html(replace(issues_report(), samples=(sample,)), style_sheets()))
    icons = [svg.attributes["aria-label"] for svg in section(page, "sample").all("svg")]
    assert icons == ["differs"]


def test_digests_are_equal_different_or_not_compared() -> None:
    report = issues_report()
    equal, other, unknown = report.hashes
    differs = replace(other, restored=replace(other.saved.digest, rows=0))
    report = replace(report, hashes=(equal, differs, unknown))
    assert answered(report)["Result"][0::2] == ("1 table restored differs", Status.FAILED)
    rows = cells(section(read_page(report_html(report, style_sheets())), "hashes").all("table")[0])
    assert [row[5] for row in rows] == ["equal", "differs", "not restored"]
    assert rows[0][3] == rows[0][4] == "9f3c 81d2 07be 4a65 61b8 0f4d a927 e3c5"
    assert rows[0][6] == "5b1e0c9a…e2d47f"


def test_edits_say_what_becomes_of_them(page: Element) -> None:
    rows = cells(section(page, "undo").all("table")[0])
    assert [row[1:] for row in rows] == [
        ["title", "lost in Windows paths", "lost in WSL paths", "issue_title, same text", "keeps the edit"],
        ["severity", "high", "critical", "severity Critical", "keeps the edit"],
    ]


def test_the_spec_stands_in_it_in_full(page: Element) -> None:
    report = issues_report()
    assert section(page, "spec").all("pre")[0].text == report.fold.spec.text
    assert report.fold.spec.sha256 in shown(section(page, "spec"))


def test_the_mapping_is_there_in_words_too(page: Element) -> None:
    rows = cells(section(page, "mapping").all("table")[0])
    assert ["severity text", "severity", "Critical, High, Medium, Low → lower case"] in rows
    assert ["id bigserial", "id", "new key, in the row map"] in rows
    assert ["'issues'", "source_system", "added, constant"] in rows
    assert ["exai_issues_tracker 1,284,310 rows"] in rows


@pytest.mark.parametrize(
    ("standing", "place"),
    [(FoldStanding.FOLDED, "the archive"), (FoldStanding.DROPPED, "the sealed backup")],
)
def test_the_mapping_says_where_exact_values_are_now(standing: FoldStanding, place: str) -> None:
    report = replace(issues_report(), standing=standing)
    said = shown(section(read_page(report_html(report, style_sheets())), "mapping").all("table")[0])
    assert f"lossy: 9 values → 'other' (exact value kept in {place}" in said
    assert said.count("exact value kept in") == said.count(f"exact value kept in {place}") == 3


@pytest.mark.parametrize("report", [issues_report(), failed_report()], ids=["folded", "failed"])
def test_everybody_can_read_it(report: Report) -> None:
    page = read_page(report_html(report, style_sheets()))
    assert page.all("html")[0].attributes["lang"] == "en"
    levels = [int(e.tag[1]) for e in page.walk() if re.fullmatch("h[1-6]", e.tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [e.attributes["id"] for e in page.walk() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for made in page.all("table"):
        assert made.attributes["aria-labelledby"] in ids
        assert all(th.attributes.get("scope") and shown(th) for th in made.all("th"))
    for link in page.all("a"):
        assert (link.attributes["href"] or "").removeprefix("#") in ids
    drawn = [svg for svg in page.all("svg") if svg.attributes.get("aria-hidden") != "true"]
    assert all(svg.attributes["role"] == "img" and svg.attributes["aria-label"] for svg in drawn)


def test_it_asks_the_network_for_nothing_and_runs_nothing() -> None:
    html = report_html(issues_report(), style_sheets())
    page = read_page(html)
    policy = next(m for m in page.all("meta") if m.attributes.get("http-equiv"))
    assert policy.attributes["content"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert page.all("script") + page.all("link") + page.all("img") + page.all("iframe") == []
    assert set(re.findall(r"https?://[^\"\s]*", html)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in html
    assert "@import" not in html
    assert [a for e in page.walk() for a in e.attributes if a.startswith("on") or a == "src"] == []


HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><b>", "&amp;", "' onload='x", "]]>"]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_are_text(value: str) -> None:
    assert_text(value)


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_value_is_text(value: str) -> None:
    assert_text(value)


def assert_text(value: str) -> None:
    assert tags(value) == tags("x")


def page_with(value: str) -> str:
    sample = SampleRow(TRACKER, value, (Cell(value, value, value, value, value),))
    check = CheckLine(value, value, value, 0.1, Status.FAILED, (value,))
    return report_html(replace(issues_report(), samples=(sample,), checks=(check,), spec_label=value), style_sheets())


@cache
def tags(value: str) -> tuple[str, ...]:
    """The elements of a page that shows this value wherever one can stand."""
    return tuple(e.tag for e in read_page(page_with(value)).walk())


def test_control_characters_are_written_out_and_long_values_cut() -> None:
    sample = SampleRow(TRACKER, "1", (Cell("a", "\x1b[31m\u202eevil", "a", "z" * 900, "line\nbreak"),))
    page = read_page(report_html(replace(issues_report(), samples=(sample,)), style_sheets()))
    [row] = cells(section(page, "sample").all("table")[0])
    assert row[1] == "\\x1b[31m\\u202eevil"
    assert row[3] == "z" * 299 + "… 900 characters"
    assert row[4] == "line\nbreak"


def test_a_style_sheet_cannot_end_its_element() -> None:
    with pytest.raises(ValueError, match="style sheet"):
        report_html(issues_report(), replace(style_sheets(), report="</style><script>"))


def test_its_short_form_has_the_answers_and_the_checks() -> None:
    text = report_markdown(issues_report())
    assert "| Result | ✓ **Nothing lost** | 1,496,716 of 1,496,716 source rows read back equal. |" in text
    assert "| Lossy | ⚠ **3 of 35 columns** |" in text
    assert "| ✓ Child rows all find their issue | 22,559 in 3 tables | **0 orphans** | 0.3 s |" in text


def test_a_name_cannot_break_a_table_of_markdown() -> None:
    check = CheckLine("a|b <img> *x* `y`\n| z", "1", "0 found", 0.1, Status.OK)
    text = report_markdown(replace(issues_report(), checks=(check,)))
    assert "✓ a\\|b \\<img\\> \\*x\\* \\`y\\`\\\\n\\| z |" in text


TOKENS = {"light": r":root \{(.*?)\}", "dark": r"prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}"}


@pytest.mark.parametrize("scheme", TOKENS)
def test_every_text_has_enough_contrast(scheme: str) -> None:
    block = re.search(TOKENS[scheme], style_sheets().theme, re.DOTALL)
    assert block
    colours = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", block[1]))
    inks = ["--ink", "--ink-2", "--ink-3", "--ok", "--warn", "--bad", "--unknown"]
    pairs = [(ink, ground) for ink in inks for ground in ("--surface", "--sunken")] + [
        (ink, "--warn-soft") for ink in ("--ink", "--ink-2", "--warn", "--ok")
    ]
    assert {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs
            if contrast(colours[pair[0]], colours[pair[1]]) < 4.5} == {}  # fmt: skip
    curves = ["--line-strong", "--k-websocket", "--k-supabase", "--k-semaphore", "--warn"]
    assert all(contrast(colours[curve], colours["--surface"]) >= 3 for curve in curves)


def contrast(one: str, other: str) -> float:
    """WCAG 2's ratio."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_no_style_sheet_but_the_theme_holds_a_colour() -> None:
    styles = style_sheets()
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", styles.picture + styles.report) == []
    used = set(re.findall(r"var\((--[\w-]+)\)", styles.picture + styles.report))
    defined = set(re.findall(r"(--[\w-]+):", styles.theme + styles.report))
    assert used <= defined
