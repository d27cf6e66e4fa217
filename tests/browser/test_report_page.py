"""The report in a browser: it fits a telephone, keeps its colours apart in the dark, and fades what a column is not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pipelines.core.mapping_words import MappingFacts
from pipelines.core.picture import picture_of
from pipelines.core.picture_svg import data_uri, standalone_svg
from pipelines.core.report import Cell, SampleRow
from pipelines.core.report_html import report_html
from pipelines.core.spec_file import parse_spec
from tests.fix_issue_tables import FILES, fold_of, issues_lens, table
from tests.reports import FACTS, TRACKER, failed_report, issues_report, style_sheets

Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(chromium: Browser, html: str, folder: Path, width: int, scheme: Scheme = "light") -> Iterator[Page]:
    """The page as a file, with every message of its console and every request beside its own failing the test."""
    file = folder / "report.html"
    file.write_text(html, encoding="utf-8")
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: said.append(request.url))
    try:
        page.goto(file.as_uri())
        yield page
    finally:
        page.close()
    assert said == [file.as_uri()]


def long_report() -> str:
    """Names of 63 characters and values without a blank, wherever one can stand."""
    name, value = "n" * 63, "v" * 900
    source = table(f"public.{name}", "id", f"id uuid, {'c' * 63} text")
    rules = "rest: metadata, columns: {id: id}, set: {storage_path: x}"
    text = f"type: pipelines.Consolidation\nattributes:\n  target: files\n  sources: [{{table: {name}, {rules}}}]\n"
    spec = parse_spec("long", text, "defs.yaml")
    sample = SampleRow(TRACKER, value, (Cell(name, value, f"metadata.{name}", value, value),))
    report = replace(issues_report(), fold=fold_of(spec, FILES, source), facts=MappingFacts(), samples=(sample,))
    return report_html(report, style_sheets())


PAGES = {
    "folded": report_html(issues_report(), style_sheets()),
    "failed": report_html(failed_report(), style_sheets()),
    "long": long_report(),
}


@pytest.mark.parametrize("width", [360, 640, 1000, 1480])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_scrolls_sideways(chromium: Browser, tmp_path: Path, name: str, width: int) -> None:
    with opened(chromium, PAGES[name], tmp_path, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "shown"), [(360, "table.mapping"), (720, ".compact svg"), (1240, ".wide svg")])
def test_the_mapping_is_drawn_where_there_is_room(chromium: Browser, tmp_path: Path, width: int, shown: str) -> None:
    with opened(chromium, PAGES["folded"], tmp_path, width) as page:
        visible = [s for s in ("table.mapping", ".compact svg", ".wide svg") if width_of(page, f"figure {s}") > 100]
    assert visible == [shown]


def width_of(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    return box["width"] if box else 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1240])
def test_every_text_stands_out_from_its_ground(chromium: Browser, tmp_path: Path, width: int, scheme: Scheme) -> None:
    with opened(chromium, PAGES["folded"], tmp_path, width, scheme) as page:
        assert page.evaluate(TOO_FAINT) == []


# Each visible text whose colour and the first opaque ground behind it are nearer than WCAG's 4.5 to 1.
TOO_FAINT = """() => {
  const channels = c => c.match(/[0-9.]+/g).map(Number)
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = channels(getComputedStyle(e).backgroundColor)
      if (c.length < 4 || c[3] === 1) return c
    }
    return [255, 255, 255]
  }
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement
    if (!walker.currentNode.data.trim() || !e.getClientRects().length) continue
    const style = getComputedStyle(e)
    const ink = light(channels(e.closest('svg') ? style.fill : style.color))
    const back = light(ground(e))
    const ratio = (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05)
    if (ratio < 4.5) found.push([walker.currentNode.data, ratio])
  }
  return found
}"""


@pytest.mark.parametrize(("label", "joined"), [("status", 2), ("category", 2), ("issue_title", 1)])
def test_a_column_under_the_pointer_keeps_its_curves(
    chromium: Browser, tmp_path: Path, label: str, joined: int
) -> None:
    opaque = (
        """[...document.querySelectorAll('.wide .curve')].filter(c => getComputedStyle(c).opacity === '1').length"""
    )
    still = "<style>.map * { transition: none !important }</style></head>"
    with opened(chromium, PAGES["folded"].replace("</head>", still), tmp_path, 1240) as page:
        curves = page.locator(".wide .curve").count()
        assert page.evaluate(opaque) == curves
        page.locator(".wide .row", has=page.get_by_text(label, exact=True)).last.hover()
        assert page.evaluate(opaque) == joined
        page.locator("h1").hover()
        assert page.evaluate(opaque) == curves


def test_on_paper_it_is_light_and_the_picture_is_whole(chromium: Browser, tmp_path: Path) -> None:
    with opened(chromium, PAGES["folded"], tmp_path, 703, "dark") as page:
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        box = page.locator(".compact svg").bounding_box()
        assert box is not None
        assert box["height"] <= 225 / 25.4 * 96 + 1


def test_a_tall_picture_is_printed_as_its_table(chromium: Browser, tmp_path: Path) -> None:
    columns = ", ".join(f"c{n} text" for n in range(80))
    source = table("public.wide", "id", f"id uuid, {columns}")
    spec = parse_spec("wide", "type: pipelines.Consolidation\nattributes:\n  target: files\n"
                      "  sources: [{table: wide, rest: metadata, columns: {id: id}, set: {storage_path: x}}]\n",
                      "defs.yaml")  # fmt: skip
    report = replace(issues_report(), fold=fold_of(spec, FILES, source), facts=MappingFacts())
    with opened(chromium, report_html(report, style_sheets()), tmp_path, 703) as page:
        page.emulate_media(media="print")
        assert width_of(page, "figure .compact") == 0
        assert width_of(page, "figure table.mapping") > 300


def test_the_picture_of_its_own_is_an_image(chromium: Browser, tmp_path: Path) -> None:
    styles = style_sheets()
    uri = data_uri(standalone_svg(picture_of(issues_lens(), FACTS), styles.theme, styles.picture))
    page = chromium.new_page()
    page.set_content(f'<img src="{uri}">')
    page.wait_for_function("document.images[0].complete")
    assert page.evaluate("[document.images[0].naturalWidth, document.images[0].naturalHeight > 900]") == [700, True]
    page.close()


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "</style><script>document.title='x'</script>"])
def test_a_hostile_value_neither_runs_nor_loads(chromium: Browser, tmp_path: Path, text: str) -> None:
    sample = SampleRow(TRACKER, text, (Cell(text, text, text, text, text),))
    html = report_html(replace(issues_report(), samples=(sample,), spec_label=text), style_sheets())
    with opened(chromium, html, tmp_path, 1240) as page:
        assert page.title() == "Three issue tables are now one: fold issues"
        assert page.locator("img, script").count() == 0
        assert text in page.locator("#sample ~ table").inner_text()
