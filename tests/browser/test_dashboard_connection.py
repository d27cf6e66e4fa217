"""The page when there is nothing to show or nobody to ask: empty states, a killed daemon, a stale stream."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.fix_dashboard import Daemon, Feed, Opener, event, until

# What Chromium itself says of a server that is gone.
REFUSED = ("net::ERR", "Failed to load resource", "WebSocket connection to")


@pytest.fixture
def empty_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that nobody has sent anything."""
    running = Daemon(tmp_path_factory.mktemp("empty"))
    running.start()
    yield running
    running.kill()


def names(page: Page) -> list[str]:
    return page.locator("#timeline .rows .row .name").all_inner_texts()


def test_without_data_it_says_what_sends_some_and_with_drops_alone_how_many(
    empty_daemon: Daemon, open_page: Opener
) -> None:
    page = open_page(empty_daemon).load()
    expect(page.locator("#notice")).to_contain_text("No data yet")
    expect(page.locator("#notice code")).to_have_text('import monitoring; monitoring.start("api")')
    expect(page.locator("#charts")).to_be_hidden()
    with Feed(empty_daemon, "api-1") as api:
        api.send([], dropped={"redis": 1204})
        expect(page.locator("#notice")).to_contain_text("1,204\u00a0events dropped")
        page.get_by_role("link", name="See sources").click()
        expect(page.locator("#sources li")).to_contain_text("1,204 dropped")
        api.send([event("db.query", "supabase")])
        expect(page.locator("#notice")).to_be_empty()
        expect(page.locator("#charts")).to_be_visible()
        expect(page.locator("#timeline .rows .row")).to_have_count(1)


def test_without_a_connection_it_says_so_and_tries_again(empty_daemon: Daemon, open_page: Opener) -> None:
    opened = open_page(empty_daemon)
    opened.allowed = REFUSED
    page = opened.page
    page.route("**/api/page", lambda route: route.abort())
    page.goto(opened.address)
    expect(page.locator("#notice")).to_contain_text("No connection")
    expect(page.locator("#notice")).to_contain_text("does not answer")
    expect(page.locator("[data-phase=reconnecting]")).to_be_visible()
    expect(page.locator("#timeline")).to_be_hidden()
    page.unroute("**/api/page")
    page.get_by_role("button", name="Try now").click()
    expect(page.locator("[data-phase=connected]")).to_be_visible()


def test_a_killed_daemon_is_seen_and_afterwards_nothing_is_missing_or_double(
    empty_daemon: Daemon, open_page: Opener
) -> None:
    opened = open_page(empty_daemon)
    opened.allowed = REFUSED
    with Feed(empty_daemon, "api-1") as api:
        api.send([event(f"before.{n}", "redis") for n in range(5)])
        page = opened.load()
        empty_daemon.kill()
        expect(page.locator("[data-phase=reconnecting]")).to_be_visible()
        expect(page.locator("#notice")).to_contain_text("Not connected since")
        assert names(page)[0] == "before.4"  # what was there stays, and says that it is old
        empty_daemon.start()
        api.reconnect()
        api.send([event(f"after.{n}", "redis") for n in range(5)])
        expect(page.locator("[data-phase=connected]")).to_be_visible()
        expect(page.locator("#notice")).to_be_empty()
        until(page, "document.querySelector('#timeline .rows .name')?.textContent === 'after.4'")
        wanted = [f"after.{n}" for n in (4, 3, 2, 1, 0)] + [f"before.{n}" for n in (4, 3, 2, 1, 0)]
        assert names(page) == wanted
        expect(page.locator(".counts")).to_contain_text("10 of 10\u00a0events")


def test_a_daemon_that_says_nothing_is_stale_not_connected(empty_daemon: Daemon, open_page: Opener) -> None:
    page = open_page(empty_daemon).load()
    empty_daemon.signal(signal.SIGSTOP)
    try:
        expect(page.locator("[data-phase=stale]")).to_be_visible()
        expect(page.locator("#notice")).to_contain_text("Nothing has come since")
    finally:
        empty_daemon.signal(signal.SIGCONT)
    expect(page.locator("[data-phase=connected]")).to_be_visible()


def test_with_a_token_the_page_asks_for_it_once(tmp_path: Path, open_page: Opener) -> None:
    guarded = Daemon(tmp_path, {"MONITOR_TOKEN": "a-long-enough-token-to-read-with-0123"})
    guarded.start()
    try:
        opened = open_page(guarded)
        opened.allowed = ("401",)
        page = opened.page
        page.goto(opened.address)
        page.locator("input[name=token]").fill("a-long-enough-token-to-read-with-0123")
        page.keyboard.press("Enter")
        expect(page.locator("[data-phase=connected]")).to_be_visible()
        page.reload()
        expect(page.locator("[data-phase=connected]")).to_be_visible()
    finally:
        guarded.kill()
