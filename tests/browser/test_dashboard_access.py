"""The page for everybody: keyboard alone, axe, dark and light, a telephone, less motion, paper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.fix_dashboard import Opener, Scheme, event, until
from tests.browser.fix_dashboard_events import Sent

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """What axe finds, as rule and element."""
    page.evaluate(AXE)
    found: Any = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [f"{one['id']}: {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize(("width", "scheme"), [(1480, "light"), (360, "dark")])
def test_axe_finds_nothing(sent: Sent, open_page: Opener, width: int, scheme: Scheme) -> None:
    page = open_page(sent.daemon, width, scheme).load()
    page.locator("#timeline .rows .row.is-error").first.click()
    expect(page.locator(".opened .facts")).to_be_visible()
    page.get_by_role("button", name="auth", exact=True).click()
    assert violations(page) == []


def test_nothing_scrolls_sideways(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    page.locator("#timeline .rows .row.is-error").first.click()
    expect(page.locator(".opened .facts")).to_be_visible()
    for width in (1480, 1000, 700, 360):
        page.set_viewport_size({"width": width, "height": 900})
        expect(page.locator("ul.kinds")).to_have_count(1 if width <= 700 else 0)
        until(page, f"document.documentElement.scrollWidth <= {width}")  # the canvases follow a frame later
        for panel in ("#kinds", "#charts", "#timeline", "#sources"):
            box = page.locator(panel).bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


def test_on_a_telephone_what_is_wrong_comes_first(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon, 360).load()
    shown = page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.status)")
    order = ["unhealthy", "degraded", "unknown", "healthy", "disabled"]
    assert shown == sorted(shown, key=order.index)
    sent.more(event("redis.get", "redis"))
    expect(page.locator("ul.kinds li[data-kind=redis]")).to_contain_text("% errors")
    expect(page.locator("#bar")).to_have_css("position", "sticky")


def test_light_and_dark_follow_the_system(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    expect(page.locator("body")).to_have_css("background-color", "rgb(244, 245, 246)")
    light = plotted(page)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(14, 16, 18)")
    until(page, f"{PLOTTED} !== '{light}'")  # the canvases are drawn anew


def plotted(page: Page) -> str:
    return str(page.evaluate(PLOTTED))


# The colours of the plots' axes.
PLOTTED = "Object.values(Chart.instances).map(chart => chart.options.scales.y.ticks.color).join()"


def test_the_keyboard_does_it_all(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    press = page.keyboard.press
    press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("provider")
    expect(page.locator("#timeline .rows .row .name").first).to_contain_text("provider.call")
    press("Escape")
    press("j")
    press("j")
    second = page.locator("#timeline .rows .row[aria-rowindex='3']")
    expect(second).to_be_focused()
    expect(second).to_have_css("outline-style", "solid")
    expect(second).to_have_css("outline-width", "2px")
    press("Enter")
    expect(page.locator(".opened .facts")).to_be_visible()
    expect(second).to_have_attribute("aria-expanded", "true")
    press("Escape")
    expect(page.locator(".opened")).to_have_count(0)
    press("k")
    expect(page.locator("#timeline .rows .row[aria-rowindex='2']")).to_be_focused()
    press("Escape")
    press("c")
    expect(page.locator("#search")).to_have_value("")
    press("Space")
    expect(page.locator("[data-phase=paused]")).to_be_visible()
    press("Space")
    expect(page.locator("[data-phase=paused]")).to_have_count(0)
    press("3")
    expect(page.locator("#charts h2")).to_have_text("Last 6 hours")
    press("1")
    press("?")
    expect(page.get_by_role("dialog")).to_contain_text("search the timeline")
    assert violations(page) == []
    press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_everything_that_can_be_pressed_is_reached_by_tab_and_shows_it(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    page.get_by_role("button", name="Pause").click()  # so that nothing comes and goes meanwhile
    page.evaluate("document.querySelector('.skip').focus()")
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found is None:
            break
        assert found["ring"], json.dumps(found)
        reached.append(found["words"])
    for words in ("Live", "Resume", "redis", "Outcome", "Source: any", "search", "Export", "Own scales"):
        assert any(words in one for one in reached), words


# What has the focus: its words, and whether a ring shows it; null at the end of the page.
FOCUSED = """() => {
  const e = document.activeElement
  if (e === document.body) return null
  const ringed = [e, e.closest('.control')].filter(Boolean).some(one => getComputedStyle(one).outlineStyle === 'solid')
  const words = [e.getAttribute('aria-label'), e.id, e.textContent, e.closest('label')?.textContent]
  return { ring: ringed, words: words.filter(Boolean).join(' ') }
}"""


def test_less_motion_turns_nothing(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon, reduced_motion="reduce").load()
    page.evaluate(ADD_ARC)
    expect(page.locator("#arc .turning")).to_have_css("animation-name", "none")
    page.emulate_media(reduced_motion="no-preference")
    expect(page.locator("#arc .turning")).to_have_css("animation-name", "turn")


ADD_ARC = """async () => {
  const [{ h, render }, { icon }] = await Promise.all([import('/dom.js'), import('/icons.js')])
  const place = document.body.appendChild(document.createElement('div'))
  place.id = 'arc'
  render(place, icon('arc'))
}"""


def test_paper_is_light_and_without_controls(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon, 1000, "dark").load()
    dark = plotted(page)
    page.emulate_media(media="print", color_scheme="dark")
    until(page, f"{PLOTTED} !== '{dark}'")  # the plots too
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    expect(page.locator("#timeline .rows .row").first).to_be_visible()
