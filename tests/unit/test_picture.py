"""The mapping picture says where each column goes, whoever looks at it and however long or hostile the names are."""

from __future__ import annotations

import base64
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from pipelines.core.lens import Lens
from pipelines.core.mapping_words import Kind, Loss, MappingFacts
from pipelines.core.picture import Picture, Row, laid_out, picture_of
from pipelines.core.picture_svg import (
    COMPACT,
    WIDE,
    Layout,
    data_uri,
    hover_css,
    picture_svg,
    standalone_svg,
    text_width,
)
from pipelines.core.schema import TableName
from pipelines.core.spec_file import parse_spec
from tests.fix_issue_tables import FILES, ISSUES, TRACKER, files_fold, fold_of, issues_lens, table
from tests.reports import FACTS, style_sheets

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def lens() -> Lens:
    return issues_lens()


@pytest.fixture(scope="module")
def picture(lens: Lens) -> Picture:
    return picture_of(lens, FACTS)


def rows_of(picture: Picture) -> dict[str, Row]:
    return {row.id: row for box in (*picture.sources, picture.target) for row in box.rows}


def ways(picture: Picture) -> set[tuple[str, str, Kind]]:
    rows = rows_of(picture)
    return {(rows[c.start].label, rows[c.end].label, c.kind) for c in picture.curves}


def texts(svg: str) -> list[str]:
    return ["".join(t.itertext()) for t in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_every_placed_column_has_its_curve_in_the_colour_of_its_treatment(picture: Picture) -> None:
    found = ways(picture)
    assert ("issue_id", "id", Kind.SAME) in found
    assert ("issue_title", "title", Kind.SAME) in found
    assert ("severity", "severity", Kind.ONE_TO_ONE) in found
    assert ("notes", "notes", Kind.PATH) in found
    assert ("category", "category", Kind.LOSSY) in found
    assert ("id", "id", Kind.NEW_KEY) in found
    assert Counter(curve.kind for curve in picture.curves) == {
        Kind.SAME: 19, Kind.ONE_TO_ONE: 3, Kind.PATH: 9, Kind.NEW_KEY: 1, Kind.LOSSY: 3, Kind.KEPT: 2,
    }  # fmt: skip
    assert picture.kinds == {k: n for k, n in Counter(c.kind for c in picture.curves).items() if k is not Kind.KEPT}


def test_a_copy_of_a_lossy_column_is_drawn_as_its_exact_value(picture: Picture) -> None:
    kept = [rows_of(picture)[curve.end] for curve in picture.curves if curve.kind is Kind.KEPT]
    assert {(row.label, row.depth, row.type) for row in kept} == {("category", 2, "string")}


def test_json_paths_are_a_tree_below_their_column(picture: Picture) -> None:
    tree = [(row.label, row.type, row.depth) for row in picture.target.rows]
    start = tree.index(("metadata", "jsonb", 0))
    assert tree[start : start + 5] == [
        ("metadata", "jsonb", 0),
        ("root_cause_hypothesis", "string", 1),
        ("diagnostic_approach", "string", 1),
        ("fix_strategy", "string", 1),
        ("affected_files", "array", 1),
    ]
    assert ("resolved_run_id", "number", 1) in tree
    assert tree.index(("legacy", "object", 1)) + 1 == tree.index(("category", "string", 2))


def test_added_and_constant_columns_say_so_and_untouched_ones_are_counted(picture: Picture) -> None:
    remarks = {row.label: row.remark for row in picture.target.rows if row.depth == 0}
    assert (remarks["source_system"], remarks["priority"], remarks["title"]) == ("added, constant", "added", "")
    assert picture.target.note.full == "10 more that only exai_issues has, untouched"
    faint = [row.label for row in picture.target.rows if row.faint and row.depth == 0]
    assert faint == ["issue_number", "metadata"]


def test_lossy_columns_say_how_many_values_become_what(picture: Picture) -> None:
    remarks = [(row.label, row.remark) for box in picture.sources for row in box.rows if row.lossy]
    assert remarks == [
        ("category", "9 values → other"),
        ("status", "3 values → in_progress"),
        ("category", "2 values → other"),
    ]


def test_what_was_not_counted_is_not_shown(lens: Lens) -> None:
    picture = picture_of(lens, MappingFacts())
    assert [box.subtitle.full for box in (*picture.sources, picture.target)] == ["", "", ""]
    assert [row.remark for row in picture.sources[1].rows if row.lossy] == ["lossy"]


@pytest.mark.parametrize("layout", [WIDE, COMPACT])
def test_nothing_of_a_row_runs_into_its_neighbour(picture: Picture, layout: Layout) -> None:
    root = ElementTree.fromstring(picture_svg(picture, layout))
    for group in root.iter(f"{SVG}g"):
        spans = sorted(span(t) for t in group.iter(f"{SVG}text"))
        assert all(left[1] <= right[0] + 1 for left, right in pairwise(spans)), spans
        assert all(start >= 0 and end <= layout.width for start, end in spans)
    heights = [row.y for row in laid_out(picture).target.rows]
    assert min(b - a for a, b in pairwise(heights)) >= 24


def span(text: ElementTree.Element) -> tuple[float, float]:
    """From where to where a text reaches across, as the picture itself estimates it."""
    x, shown = float(text.attrib["x"]), text.text or "".join(text.itertext())
    width = text_width(shown)
    return (x - width, x) if "side" in text.attrib["class"] else (x, x + width)


def test_curves_start_and_end_at_the_dots_of_their_rows(picture: Picture) -> None:
    root = ElementTree.fromstring(picture_svg(picture, WIDE))
    dots = {(c.attrib["cx"], c.attrib["cy"]) for c in root.iter(f"{SVG}circle")}
    for path in root.iter(f"{SVG}path"):
        if path.attrib["class"].startswith("curve"):
            numbers = re.findall(r"[0-9.]+", path.attrib["d"])
            ends = {(numbers[0], numbers[1]), (numbers[-2], numbers[-1])}
            assert {(x, y.removesuffix(".0")) for x, y in ends} <= dots


def test_the_picture_of_its_own_is_light_whole_and_asks_for_nothing(picture: Picture) -> None:
    styles = style_sheets()
    svg = standalone_svg(picture, styles.theme, styles.picture)
    assert "@media" not in svg
    assert "--ink: #15181c" in svg
    assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in svg
    shown = texts(svg)
    assert "19 same or renamed" in shown
    assert "3 lossy" in shown
    assert "exact value kept here" in shown
    assert base64.b64decode(data_uri(svg).removeprefix("data:image/svg+xml;base64,")).decode() == svg


def test_every_joined_row_has_a_rule_that_fades_the_others(picture: Picture) -> None:
    css = hover_css(picture)
    svg = picture_svg(picture, WIDE)
    for row in rows_of(picture).values():
        assert (f":has(.is-{row.id}:hover)" in css) == bool(row.joins)
        assert f"is-{row.id} {row.id}" in svg


def test_hostile_names_are_text() -> None:
    hostile = '"><script>alert(1)</script>'
    source = table("public.bad", "id", "id uuid")
    column = replace(source.columns[0], name=hostile, position=2)
    source = replace(source, columns=(*source.columns, column, replace(column, name="\x07\u202ebell", position=3)))
    spec = parse_spec("bad", "type: pipelines.Consolidation\nattributes:\n  target: files\n"
                      "  sources: [{table: bad, rest: metadata, columns: {id: id},"
                      " set: {storage_path: '</text><a>', mime_type: '</style>'}}]\n", "defs.yaml")  # fmt: skip
    svg = standalone_svg(picture_of(fold_of(spec, FILES, source).lens, MappingFacts()), "", "")
    assert hostile in texts(svg)
    assert "\\x07\\u202ebell" in texts(svg)
    assert not [e.tag for e in ElementTree.fromstring(svg).iter() if e.tag.endswith(("script", "}a"))]


def test_a_long_name_is_cut_and_told_in_full_on_hover() -> None:
    name = "a" * 63
    source = table("public.long", "id", f"id uuid, {name} text")
    spec = parse_spec("long", "type: pipelines.Consolidation\nattributes:\n  target: files\n"
                      "  sources: [{table: long, rest: metadata, columns: {id: id}, set: {storage_path: x}}]\n",
                      "defs.yaml")  # fmt: skip
    root = ElementTree.fromstring(picture_svg(picture_of(fold_of(spec, FILES, source).lens, MappingFacts()), COMPACT))
    cut = [t for t in root.iter(f"{SVG}text") if t.find(f"{SVG}title") is not None]
    assert [t.findtext(f"{SVG}title") for t in cut] == [name, name]
    assert all("".join(t.itertext()).removeprefix(name).endswith("…") for t in cut)


def test_an_empty_source_is_a_box_without_rows() -> None:
    picture = picture_of(files_fold().lens, MappingFacts(added=("provider_file_ids", "file_hash")))
    assert [(box.title, box.rows, box.note.full) for box in picture.sources] == [
        ("file_metadata", (), "3 columns, no row to bring")
    ]
    assert [(row.label, row.remark) for row in picture.target.rows] == [
        ("provider_file_ids", "added"),
        ("file_hash", "added"),
    ]
    ElementTree.fromstring(picture_svg(picture, WIDE))


def test_a_dropped_column_leaves_no_curve() -> None:
    spec = parse_spec("drop", "type: pipelines.Consolidation\nattributes:\n  target: exai_issues\n"
                      "  drop_not_null: [title, description, severity, conversation_id]\n"
                      "  sources: [{table: exai_issues_tracker, rest: drop, columns: {issue_id: id}}]\n",
                      "defs.yaml")  # fmt: skip
    picture = picture_of(fold_of(spec, ISSUES, TRACKER).lens, MappingFacts())
    assert len(picture.curves) == 1
    dropped = [row for row in picture.sources[0].rows if row.faint]
    assert {row.remark for row in dropped} == {"not kept"}
    assert len(dropped) == 19


def test_counts_of_losses_are_the_readers(lens: Lens) -> None:
    losses = {(TableName("public", "issues"), "category"): Loss(5, None)}
    picture = picture_of(lens, MappingFacts(losses=losses))
    assert [row.remark for row in picture.sources[1].rows if row.lossy] == ["5 values → fewer"]
