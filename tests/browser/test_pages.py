"""The pages that a person looks at, in Debian's chromium."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from pipelines.steps import workflow
from tests.fix_dagster import Up

CHROMIUM = "/usr/bin/chromium"
_SHOWS_MS = 30_000
PICTURES = os.environ.get("KEEP_PICTURES_IN")  # a folder: then the pages are kept, to be looked at


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A browser's page."""
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is missing: apt-get install -y chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--headless"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(_SHOWS_MS)
        expect.set_options(timeout=_SHOWS_MS)
        yield page
        browser.close()


@pytest.fixture(scope="module")
def folding(up: Up) -> Up:
    """Orders are planned and staged, and a row of them fails the proof."""
    shop, ui = up.shops["orders"], up.webserver
    prepared = ui.launch("issues_prepare")
    with shop.surroundings() as surroundings:
        workflow.store_plan(surroundings, workflow.plan(surroundings, shop.spec))
        workflow.export(surroundings, shop.spec)
        workflow.add(surroundings, "orders")
        workflow.stage(surroundings, "orders")
    shop.spoil()
    failed = ui.launch("orders_fold")
    assert ui.wait(prepared) == "SUCCESS", ui.log(prepared)
    assert ui.wait(failed) == "FAILURE", ui.log(failed)
    return up


def test_the_graph_shows_how_far_each_step_is(folding: Up, page: Page) -> None:
    page.goto(f"{folding.webserver.address}/locations/pgfold/asset-groups/orders")
    for step in ("plan", "export", "add_columns", "map_fields", "verify", "cut_over", "drop", "backup"):
        expect(page.get_by_text(step, exact=True).first).to_be_visible()
    page.wait_for_function(HAS_COLOUR, arg=["plan", "green"])
    page.wait_for_function(HAS_COLOUR, arg=["verify", "red"])
    keep(page, "graph")
    page.wait_for_function(HAS_COLOUR, arg=["drop", "grey"])


# Whether the border of a step's node is of a colour, whatever its exact shade.
HAS_COLOUR = """([step, wanted]) => {
  const label = [...document.querySelectorAll("*")].find(e => !e.children.length && e.textContent === step);
  for (let node = label; node; node = node.parentElement) {
    const style = getComputedStyle(node);
    if (style.borderTopStyle === "none" || style.borderTopWidth === "0px") continue;
    const [red, green, blue] = style.borderTopColor.match(/[0-9]+/g).map(Number);
    const colour = red > green + 60 ? "red" : green > red + 60 ? "green" : "grey";
    return colour === wanted;
  }
}"""


def test_the_plan_is_shown_with_the_mapping_as_a_picture(folding: Up, page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 1200})
    page.goto(f"{folding.webserver.address}/assets/issues/plan")
    page.get_by_text("[Show Markdown]").first.click()
    picture = page.locator("img[src^='data:image/svg+xml']")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth") == 700
    expect(page.get_by_text("15 of 15 rows read back equal")).to_be_visible()
    keep(page, "plan")


def test_a_failed_check_says_which_row_and_what_became_of_it(folding: Up, page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{folding.webserver.address}/assets/orders/verify?view=checks&checkDetail=read_back")
    expect(page.get_by_text("1 of 3 rows of public.web_orders do not read back equal").first).to_be_visible()
    expect(page.get_by_text("12: column label: 'a chair' became 'a stool'").first).to_be_visible()
    expect(page.get_by_text("blocking").first).to_be_visible()
    keep(page, "check")


def keep(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")
