"""Views as functions of state, in a browser: folds in every state, gaps, missing time, and the clock of the zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from monitoring.wire import (
    Migration,
    MigrationCheck,
    MigrationLocks,
    MigrationProgress,
    MigrationStep,
    MigrationTable,
    MigrationTarget,
    MigrationUndo,
    MigrationWait,
    TableProgress,
)
from tests.browser.fix_dashboard import Daemon, Opener, now_us

State = Literal["planned", "running", "waiting", "folded", "failed", "rolled_back"]
StepState = Literal["to_come", "running", "done", "failed", "waiting"]

SHOW = """async ([module, message, narrow]) => {
  const [{ view }, { render }, { Store, shown }] =
    await Promise.all([import(module), import('/dom.js'), import('/store.js')])
  const store = new Store(Date.now() * 1000)
  store.dispatch({ type: 'narrow', narrow })
  store.dispatch(message)
  document.getElementById('probe')?.remove()
  const probe = document.querySelector('main').appendChild(document.createElement('div'))
  probe.id = 'probe'
  const dispatch = message => { store.dispatch(message); render(probe, view(shown(store.state), dispatch)) }
  render(probe, view(shown(store.state), dispatch))
}"""


@pytest.fixture(scope="module")
def page(dashboard_browser: Browser, daemon: Daemon) -> Iterator[Page]:
    """A page whose modules can be called."""
    page = dashboard_browser.new_page(viewport={"width": 1480, "height": 900})
    page.goto(daemon.address)
    yield page
    page.close()


def show(page: Page, *migrations: Migration, narrow: bool = False) -> Locator:
    message = msgspec.to_builtins({"type": "migrations", "migrations": list(migrations)})
    page.evaluate(SHOW, ["/migrations.js", message, narrow])
    return page.locator("#probe")


def steps(*states: StepState) -> list[MigrationStep]:
    titles = ("Plan", "Export", "Verify", "Cut over", "Drop")
    return [
        MigrationStep(name=title.lower(), title=title, state=state, took_ns=6_200_000_000 if state == "done" else None,
                      sentence=f"{title} says 7 rows", at_us=now_us())
        for title, state in zip(titles, states, strict=True)
    ]  # fmt: skip


def fold(state: State, *states: StepState, **more: Any) -> Migration:
    fields: dict[str, Any] = {
        "progress": None, "checks": [], "locks": None, "undo": None, "waits_for": None, "finished_us": None,
        "dagster_url": "http://127.0.0.1:3000/runs/7c2e41aa", **more,
    }  # fmt: skip
    return Migration(
        fold="issues",
        sources=[MigrationTable(table="tracker", rows=1_284_310), MigrationTable(table="issues", rows=212_406)],
        target=MigrationTarget(table="exai_issues", rows_before=96_118), run_id="7c2e41aa", plan_hash="3f9a1cde",
        state=state, started_us=now_us() - 232_000_000, steps=steps(*states), **fields,
    )  # fmt: skip


PROGRESS = MigrationProgress(
    title="Sealing the rows", rows_done=1_021_840, rows_total=1_496_716, rows_per_s=11_350.0, time_left_s=42.0,
    tables=[TableProgress(table="tracker", rows_done=1_021_840, rows_total=1_284_310, state="running"),
            TableProgress(table="issues", rows_done=0, rows_total=212_406, state="to_come")],
)  # fmt: skip
CHECKS = [MigrationCheck(name="read_back", state="failed", sentence="1 of 3 rows differs.", at_us=None),
          MigrationCheck(name="counts", state="passed", sentence="3 = 3 rows.", at_us=None)]  # fmt: skip
BLOCKED = MigrationUndo(possible=False, sentence="3 rows have no place.", computed_us=None)
WAITS = MigrationWait(sentence="Dropping needs a person:", command="pgfold approve issues drop")


def text(place: Locator) -> str:
    return place.inner_text().replace("\u00a0", " ")


def test_a_running_fold_shows_steps_progress_and_who_must_do_what(page: Page) -> None:
    running = fold("running", "done", "done", "done", "running", "waiting", progress=PROGRESS, waits_for=WAITS,
                   locks=MigrationLocks(window_ms=6.0, planned_ms=10.0, sentence="5 tables locked in 1 try."),
                   undo=MigrationUndo(possible=True, sentence="No row blocks.", computed_us=now_us()))  # fmt: skip
    shown = show(page, running)
    assert "Running 3 min 52 s" in text(shown)
    assert "tracker 1,284,310 and issues 212,406 into exai_issues 96,118 before" in text(shown)
    assert "1,021,840 of 1,496,716 rows" in text(shown)
    assert "about 42 s" in text(shown)
    assert "6 ms lock window, planned about 10 ms" in text(shown)
    assert "Can be undone: yes" in text(shown)
    expect(shown.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "68")
    expect(shown.locator(".waits .command")).to_have_text("pgfold approve issues drop")
    expect(shown.locator(".step.waiting .took")).to_have_text("Waits for approval")
    expect(shown.get_by_role("link", name="Dagster run")).to_have_attribute(
        "href", "http://127.0.0.1:3000/runs/7c2e41aa"
    )


def test_a_failed_step_and_a_blocked_undo_say_what_is_wrong(page: Page) -> None:
    failed = fold("failed", "done", "done", "failed", "to_come", "to_come", finished_us=now_us(),
                  checks=CHECKS, undo=BLOCKED)  # fmt: skip
    shown = show(page, failed)
    assert "Failed after 3 min 52 s" in text(shown)
    assert "Checks: 1 failed, 1 passed" in text(shown)
    assert "Can be undone: no" in text(shown)
    expect(shown.locator(".step.failed .words")).to_have_css("color", "rgb(192, 38, 45)")
    expect(shown.locator(".undo.blocked")).to_be_visible()
    expect(shown.locator(".checks li.failed")).to_contain_text("1 of 3")


def test_what_nobody_computed_is_unknown(page: Page) -> None:
    undo = MigrationUndo(possible=None, sentence="The database did not answer.", computed_us=None)
    shown = show(page, fold("running", "done", "running", "to_come", "to_come", "to_come", undo=undo))
    assert "Can be undone: unknown" in text(shown)


def test_a_fold_that_is_over_is_one_line_and_opens(page: Page) -> None:
    over = fold("folded", "done", "done", "done", "done", "waiting", finished_us=now_us(), waits_for=WAITS)
    shown = show(page, over)
    box = shown.bounding_box()
    assert box is not None
    assert box["height"] < 60
    expect(shown).to_contain_text("pgfold approve issues drop")
    shown.get_by_role("button", name="Open fold issues").click()
    expect(shown.locator(".step").first).to_be_visible()


def test_an_address_that_is_no_web_page_is_no_link(page: Page) -> None:
    shown = show(
        page, fold("running", "running", "to_come", "to_come", "to_come", "to_come", dagster_url="javascript:alert(1)")
    )
    expect(shown.locator("a")).to_have_count(0)


def test_on_a_telephone_the_running_step_is_in_the_bar(daemon: Daemon, open_page: Opener) -> None:
    page = open_page(daemon, 360).load()
    running = fold("running", "done", "done", "done", "running", "to_come", progress=PROGRESS)
    message = msgspec.to_builtins({"type": "migrations", "migrations": [running]})
    page.evaluate(SHOW, ["/bar.js", message, True])
    expect(page.locator("#probe .running-step")).to_have_text("Cut overfold\u00a0issues68\u00a0%")
    page.evaluate(SHOW, ["/migrations.js", message, True])
    assert page.evaluate("document.documentElement.scrollWidth") == 360


GAP = """async ([held]) => {
  const [{ list }, { render }, { Store, shown }] =
    await Promise.all([import('/list.js'), import('/dom.js'), import('/store.js')])
  const store = new Store(Date.now() * 1000)
  const event = seq => ({ seq, at_us: Date.now() * 1000, name: `n${seq}`, kind: 'redis', source: 'api-1' })
  const frame = (first, last, events) => ({ type: 'events', now_us: 0, first, last, events })
  store.dispatch({ type: 'rows_loaded', page: { events: [event(2), event(1)], next: null, total: 2, all: 2 }, last: 2 })
  if (held) store.dispatch({ type: 'scrolled', scroll: { top: 100 } })
  store.dispatch(frame(3, 3, [event(3)]))
  store.dispatch({ type: 'gap', from: 4, to: 315, count: 312, reason: 'This page read too slowly.' })
  store.dispatch(frame(310, 316, [event(310), event(316)]))
  store.dispatch(frame(320, 321, [event(321)]))
  if (held) store.dispatch({ type: 'newest' })
  document.getElementById('probe')?.remove()
  const probe = document.querySelector('main').appendChild(document.createElement('div'))
  probe.id = 'probe'
  render(probe, list(shown(store.state), () => {}))
  return [store.state.rows.all, store.state.rows.total]
}"""


@pytest.mark.parametrize("held", [False, True])
def test_a_gap_is_drawn_where_it_is_and_numbers_jumped_over_are_one_too(page: Page, held: bool) -> None:
    assert page.evaluate(GAP, [held]) == [321, 5]
    drawn = [row.split("\n") for row in page.locator("#probe .rows .row").all_inner_texts()]
    words = [row[0] if "missing" in row[0] else row[2] for row in drawn]
    assert words == [
        "n321",
        "3 events are missing here (numbers 317 to 319). They did not arrive here.",
        "n316",
        "312 events are missing here (numbers 4 to 315). This page read too slowly.",
        "n3", "n2", "n1",
    ]  # fmt: skip


MISSING = """async () => {
  const { Series } = await import('/series.js')
  const series = new Series()
  const s = 1000000
  const point = (at, operations = 1) => ({ at_us: at * s, step_s: 1, kind: 'redis', operations, errors: 0 })
  series.add([point(1), point(2, 0), point(6), point(7)])
  series.add([point(7, 5)])
  const missing = series.missing('redis', 0, 9 * s).map(([a, b]) => [a / s, b / s])
  return [missing, series.of('redis', 0, 9 * s).map(p => p.operations)]
}"""


def test_missing_time_is_what_has_no_point_and_a_measured_zero_is_none(page: Page) -> None:
    assert page.evaluate(MISSING) == [[[0, 1], [3, 6], [8, 9]], [1, 0, 1, 5]]


HEAL = """async () => {
  const [{ History }, { Store }] = await Promise.all([import('/history.js'), import('/store.js')])
  const s = 1000000
  const t = Math.floor(Date.now() / 1000) * s
  const point = (at, operations) => ({ at_us: at, step_s: 1, kind: 'redis', operations, errors: 0 })
  const asked = []
  const stats = async (from_us, to_us) => {
    asked.push([(from_us - t) / s, (to_us - t) / s])
    return { points: [point(t + 2 * s, 7)], missing: [{ from_us: t + 3 * s, to_us: t + 4 * s, reason: 'nobody' }] }
  }
  const store = new Store(t)
  const history = new History({ store, api: { stats }, resubscribe: () => {} })
  store.dispatch({ type: 'hello', time_zone: 'UTC', now_us: t })
  history.since_us = t
  history.healed_ms = -1e6
  store.listeners.push((state, before) => history.follow(state, before))
  for (const at of [0, 1, 5]) store.dispatch({ type: 'stats', kinds: [], point: [point(t + at * s, 1)] })
  await new Promise(done => setTimeout(done, 20))
  history.healed_ms = -1e6
  store.dispatch({ type: 'stats', kinds: [], point: [point(t + 6 * s, 1)] })
  const { series } = store.state
  return [asked, series.missing('redis', t, t + 7 * s).map(([a, b]) => [(a - t) / s, (b - t) / s])]
}"""


def test_seconds_that_the_stream_left_out_are_read_from_the_history(page: Page) -> None:
    asked, missing = page.evaluate(HEAL)
    assert asked[0] == [2, 5]
    assert missing == [[3, 5]]


CLOCK = """async ([zone, times]) => {
  const { Zone } = await import('/zone.js')
  const z = new Zone(zone)
  return times.map(us => [z.precise(us), z.label(us), z.longDate(us)])
}"""


def test_the_clock_is_the_zones_own_through_both_changes_of_every_year(page: Page) -> None:
    zone = ZoneInfo("Australia/Melbourne")
    moments = [moment + timedelta(seconds=s) for moment in changes(zone) for s in (-3601, -1, 0, 1, 3600)]
    times = [round(moment.timestamp() * 1e6) + 912_000 for moment in moments]
    shown = page.evaluate(CLOCK, [zone.key, times])
    local = [moment.astimezone(zone) for moment in moments]
    assert shown == [[f"{m:%H:%M:%S}.912", m.tzname(), f"{m:%a} {m.day} {m:%b %Y}"] for m in local]


def changes(zone: ZoneInfo) -> Iterator[datetime]:
    """When its clocks change, from 2008 to 2040."""
    moment = datetime(2008, 1, 1, tzinfo=UTC)
    while moment.year < 2041:
        after = moment + timedelta(hours=1)
        if moment.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            yield after
        moment = after


FORMATS = """async cases => {
  const format = await import('/format.js')
  return cases.map(([name, ...values]) => format[name](...values).replaceAll('\\u00a0', ' '))
}"""


def test_numbers_read_as_a_person_writes_them(page: Page) -> None:
    cases: dict[str, tuple[Any, ...]] = {
        "–": ("duration", None), "45 µs": ("duration", 45_000), "0.3 ms": ("duration", 300_000),
        "38.0 ms": ("duration", 38e6), "842 ms": ("duration", 842e6), "2.10 s": ("duration", 2.1e9),
        "1 min 16 s": ("duration", 76e9), "6 ms": ("short", 6e6), "1.5 ms": ("short", 1.5e6),
        "100 ms": ("short", 1e8), "4 h 16 min": ("stretch", 15_370),
        "9 days": ("stretch", 9 * 86_400), "812 B": ("size", 812), "2.4 kB": ("size", 2400), "412 MB": ("size", 412e6),
        "0.02": ("percentage", 0.0002), "6.4": ("percentage", 0.064), "0.0": ("percentage", 0),
        "1,238": ("rate", 1238.4), "6.2": ("rate", 6.2), "never": ("ago", None, 1),
    }  # fmt: skip
    assert page.evaluate(FORMATS, [list(case) for case in cases.values()]) == list(cases)
