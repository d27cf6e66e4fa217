"""The page, fed by the real daemon through the real /ingest: every panel, filter, pause, range, request and export."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.fix_dashboard import Opener, event, opener, until
from tests.browser.fix_dashboard_events import HOSTILE_ERROR, HOSTILE_KIND, HOSTILE_NAME, TRACE, Sent


def rows(page: Page) -> list[str]:
    """The events in sight, newest first, as text."""
    return page.locator("#timeline .rows .row").all_inner_texts()


def counted(page: Page) -> str:
    return page.locator(".counts [role=status]").inner_text().replace("\u00a0", " ")


def of_all(sent: Sent, n: int) -> str:
    return f"{n:,} of {len(sent.events):,} events"


def names_of_kinds(page: Page) -> list[str]:
    return page.locator("#timeline .rows .row .kind").all_inner_texts()


# --- what each panel says, on one page that nobody touches


@pytest.fixture(scope="module")
def live(sent: Sent, dashboard_browser: Browser) -> Iterator[Page]:
    """A page that is only looked at."""
    with opener(dashboard_browser) as make:
        yield make(sent.daemon).load()


def test_the_bar_says_that_it_is_live_how_late_and_what_was_dropped(sent: Sent, live: Page) -> None:
    sent.more(event("ws.send", "websocket"))
    expect(live.locator(".figures")).to_contain_text(re.compile(r"delay \d+\s(ms|s)"))
    expect(live.locator(".figures")).to_contain_text(f"{sent.dropped} dropped")
    expect(live.locator(".version")).to_have_text(re.compile(r"\d+\.\d+\.\d+"))
    expect(live.locator("time.date")).to_have_text(re.compile(r"\w{3} \d+ \w+ \d{4}, \d\d:\d\d:\d\d\sAE[SD]T"))


def test_health_says_why_and_since_when_and_unknown_is_dashed(live: Page) -> None:
    expect(live.locator(".tile").first).to_be_visible()
    for tile in live.locator(".tile").all():
        status = tile.get_attribute("data-status")
        assert tile.locator(".word").inner_text() == status
        assert tile.locator("svg.icon").count() == 1
        assert re.search(r"measured", tile.locator(".age").inner_text())
    dashed = "tiles => tiles.every(t => getComputedStyle(t).borderTopStyle === 'dashed')"
    assert live.locator(".tile[data-status=unknown]").evaluate_all(dashed)
    assert not live.locator(".tile[data-status=healthy]").evaluate_all(f"tiles => tiles.length && ({dashed})(tiles)")


def test_a_kind_has_its_rate_errors_percentiles_connections_and_line(live: Page) -> None:
    row = live.locator("tr[data-kind=websocket]")
    expect(row.locator("td").nth(5)).to_have_text("3")  # opened, none closed
    expect(row.locator(".sparkline path")).to_have_attribute("d", re.compile(r"^M"))
    expect(live.locator("tr[data-kind=config]")).to_have_count(0)
    expect(live.locator("tr[data-state=idle], tr[data-state=active]").first).to_be_visible()


def test_each_source_has_its_books(live: Page) -> None:
    worker = live.locator("#sources li", has_text="worker-1")
    expect(worker).to_contain_text("15 events: 3 stored, 12 dropped")
    expect(worker).to_contain_text("sending")


def test_semaphores_say_who_holds_them(live: Page) -> None:
    expect(live.locator("#semaphores")).to_contain_text("providers")
    expect(live.locator("#semaphores")).to_contain_text(re.compile(r"2\sof\s4"))


def test_the_charts_draw_lines_marks_and_say_what_is_missing(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    expect(page.locator(".flag.deploy")).to_have_text("deploy 1.18.2")
    expect(page.locator("#charts [role=note]")).to_contain_text(re.compile("no data from|No time is missing"))
    until(page, ALL_DRAWN)
    assert page.locator("canvas").count() == 3
    page.get_by_label("Kind whose latency is drawn").select_option("redis")
    expect(page.locator(".plot.latency figcaption")).to_have_text("Latency of redis, ms")
    before = page.locator(".plot.rate .canvas").bounding_box()
    page.get_by_label("Own scales").check()
    expect(page.locator(".plot.rate figcaption")).to_have_text("Events a second, by kind, each on its own scale")
    after = page.locator(".plot.rate .canvas").bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] > before["height"]


# Whether each canvas has something on it.
ALL_DRAWN = """[...document.querySelectorAll('canvas')]
  .every(c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v))"""


# --- the timeline


def test_the_newest_is_on_top_and_arrives_by_itself(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    sent.more(event("config.loaded", "config", took_ms=None))
    expect(page.locator("#timeline .rows .row[aria-rowindex='2'] .name")).to_have_text("config.loaded")
    assert counted(page) == of_all(sent, len(sent.events))


def test_filters_by_kind_outcome_source_and_text_count_as_n_of_all(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    chip = page.get_by_role("button", name="redis", exact=True)
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "false")
    until(page, "!document.querySelector('#timeline .rows').innerText.includes('redis')")
    assert "websocket" in names_of_kinds(page)
    page.get_by_role("button", name="Clear filters").click()
    expect(chip).to_have_attribute("aria-pressed", "true")

    page.get_by_label("Outcome").select_option("error")
    expect(page.locator(".counts [role=status] b")).to_have_text(str(sent.having(outcome="error")))
    assert counted(page) == of_all(sent, sent.having(outcome="error"))
    page.locator(".source-filter summary").click()
    page.get_by_label("worker-1").check()
    expect(page.locator(".counts [role=status] b")).to_have_text("1")
    assert "timeout" in rows(page)[0]
    page.get_by_role("button", name="Any source").click()
    page.locator("#search").fill("rate_lim")
    expect(page.locator(".counts [role=status] b")).to_have_text("1")
    assert "429 rate_limited" in rows(page)[0]


def test_a_filter_stays_while_events_come(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    page.locator("#search").fill("kept.in.sight")
    expect(page.get_by_text("Filtered out")).to_be_visible()
    sent.more(event("ws.send", "websocket"), event("kept.in.sight", "config"), event("ws.send", "websocket"))
    expect(page.locator("#timeline .rows .row")).to_have_count(1)
    assert counted(page) == of_all(sent, 1)


def test_filtered_out_says_so_and_clears(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    page.locator("#search").fill("there is no such thing")
    expect(page.locator("#timeline .empty")).to_contain_text("Filtered out")
    expect(page.locator("#timeline .empty")).to_contain_text(f"None of {len(sent.events)}")
    page.locator("#timeline .empty").get_by_role("button", name="Clear filters").click()
    expect(page.locator("#timeline .rows .row").first).to_be_visible()


def test_paused_nothing_moves_and_what_came_is_counted(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-phase=paused]")).to_be_visible()
    before = rows(page)
    sent.more(event("while.paused", "config"), event("while.paused", "config"))
    expect(page.locator(".counts")).to_contain_text("2\u00a0new since you paused")
    assert rows(page) == before
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#timeline .rows .row[aria-rowindex='2'] .name")).to_have_text("while.paused")
    assert counted(page) == of_all(sent, len(sent.events))


def test_scrolled_away_the_rows_stay_and_older_ones_are_read(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    scroll = page.locator("#timeline .list")
    scroll.evaluate("list => { list.scrollTop = list.scrollHeight }")
    until(page, "document.querySelector('#timeline .list').scrollHeight > 300 * 32")
    scroll.evaluate("list => { list.scrollTop = list.scrollHeight }")
    last = page.locator(f"#timeline .rows .row[aria-rowindex='{len(sent.events) + 1}']")
    expect(last).to_be_visible()
    sent.more(event("while.scrolled", "config"))
    expect(page.locator(".counts")).to_contain_text("1\u00a0new since you scrolled")
    expect(last).to_be_visible()
    page.get_by_role("button", name="1 new since you scrolled").click()
    expect(page.locator("#timeline .rows .row[aria-rowindex='2'] .name")).to_have_text("while.scrolled")
    assert page.locator("#timeline .rows .row").count() < 60  # only what is in sight exists


def test_a_correlation_id_opens_the_request_across_kinds(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    page.locator("#search").fill("ws.message")
    page.get_by_role("button", name=f"request {TRACE}").last.click()
    trace = page.locator(".opened .trace")
    expect(trace.locator("header")).to_contain_text("One request, 9\u00a0calls in\u00a01.42\u00a0s")
    expect(trace.locator("header")).to_contain_text("1\u00a0error, recovered")
    lines = [text.replace("\u00a0", " ") for text in trace.locator(".bars .who").all_inner_texts()]
    assert [line.removesuffix("failed").strip() for line in lines] == [
        "websocket ws.message", "auth auth.check", "redis redis.get", "supabase db.query ×3", "glm provider.call",
        "kimi provider.call", "supabase db.insert",
    ]  # fmt: skip
    expect(trace.locator("li.k-supabase .words").first).to_have_text("conversations, messages, files")
    expect(trace.locator("li.k-kimi .words")).to_have_text("kimi-k2, 1,204 tokens in, 312 out")
    whole, kimi = (trace.locator(f"li.k-{kind} .bar-of").bounding_box() for kind in ("websocket", "kimi"))
    assert whole is not None
    assert kimi is not None
    assert abs(kimi["width"] / whole["width"] - 1270 / 1420) < 0.02
    expect(page.locator(".opened .facts")).to_contain_text("2.0\u00a0kB")
    page.keyboard.press("Escape")
    expect(page.locator(".opened")).to_have_count(0)


# --- ranges and export


def test_a_range_shows_its_stretch_of_time_and_live_comes_back(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    for label, title in (("1\u00a0h", "Last hour"), ("7\u00a0d", "Last 7 days")):
        with page.expect_response(re.compile("/api/stats")) as answered:
            page.get_by_role("button", name=label, exact=True).click()
        assert answered.value.ok
        expect(page.locator("#charts h2")).to_have_text(title)
        expect(page.locator("#timeline .rows .row").first).to_be_visible()
        expect(page.get_by_text("loading")).to_have_count(0)
    page.get_by_role("button", name="Live", exact=True).click()
    expect(page.locator("#charts h2")).to_have_text("Last 5 minutes")
    sent.more(event("after.range", "config"))
    expect(page.locator("#timeline .rows .row[aria-rowindex='2'] .name")).to_have_text("after.range")


def test_the_export_is_a_download_of_what_the_filter_shows(sent: Sent, open_page: Opener, tmp_path: Path) -> None:
    page = open_page(sent.daemon).load()
    page.get_by_label("Outcome").select_option("error")
    n = sent.having(outcome="error")
    expect(page.locator(".export summary")).to_contain_text(f"Export\u00a0{n} events")
    lines = [json.loads(line) for line in download(page, "JSON Lines", tmp_path).splitlines()]
    assert [line["outcome"] for line in lines] == ["error"] * n
    table = list(csv.DictReader(download(page, "CSV", tmp_path).splitlines()))
    assert [int(row["seq"]) for row in table] == [line["seq"] for line in lines]


def download(page: Page, name: str, folder: Path) -> str:
    page.locator(".export summary").click()
    with page.expect_download() as started:
        page.get_by_role("link", name=name).click()
    file = folder / name
    started.value.save_as(file)
    return file.read_text(encoding="utf-8")


# --- what an application may send


def test_hostile_strings_are_text(sent: Sent, open_page: Opener) -> None:
    page = open_page(sent.daemon).load()
    page.locator("#search").fill("onerror")
    row = page.locator("#timeline .rows .row").first
    expect(row.locator(".name")).to_contain_text(HOSTILE_NAME)
    expect(row.locator(".name")).to_contain_text(HOSTILE_ERROR)
    expect(row.locator(".kind")).to_have_text(HOSTILE_KIND)
    row.click()
    expect(page.locator(".opened .facts")).to_contain_text("<svg onload=alert(1)>")
    assert page.title() == "pgfold"
    assert page.locator("img, main script, main b b, iframe").count() == 0
    assert page.locator(f"tr[data-kind='{HOSTILE_KIND}'] .name").inner_text() == HOSTILE_KIND
