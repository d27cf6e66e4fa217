"""The read API and the page's files: answers by the schema, charts that tell idle from unmeasured, no other file."""

from __future__ import annotations

import csv
import http.client
import io
import json
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from monitoring.wire import EventsPage, Page, StatsAnswer, StoredEvent, Trace
from tests.daemons import Daemon, event, fetch, now_us, running, sending, source

TRACE = "0123456789abcdef0123456789abcdef"
TOKEN = "only-for-this-test-0123456789"


def request() -> list[dict[str, object]]:
    """A request with its calls, that ended just now, and an event that is none of it."""
    return [
        event("db.query", "supabase", direction="out", duration_ns=2_000_000, trace_id=TRACE, weight=5,
              attributes={"db.collection.name": "Straße", "rows": 3}),
        event("redis.get", "redis", direction="out", outcome="error", error_type="ConnectionError", trace_id=TRACE),
        event("ws.message", "websocket", at_us=now_us() + 1000, direction="in", duration_ns=9_000_000, trace_id=TRACE),
        event("kimi.call", "kimi", attributes={"prompt": "=HYPERLINK(\"http://x\")"}, error_type="+1", outcome="error"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(tmp_path_factory.mktemp("daemon")) as started:
        with sending(started, source("api-1", 1, now_us() - 20_000_000)) as process:
            for number in range(2500):
                process.send([event("fill", "host", at_us=now_us() - 3_000_000, attributes={"n": str(number)})] * 2)
            for _ in range(2500):
                process.answer()
            process.store(*request())
        yield started


def seqs(daemon: Daemon, **query: str) -> list[int]:
    """Numbers on the page that answers the query."""
    status, body = daemon.get("api/events?" + urllib.parse.urlencode(query))
    assert status == 200, body
    return [one["seq"] for one in body["events"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"limit": "2"}, [5004, 5003]),
        ({"kind": "redis"}, [5002]),
        ({"kind": "redis,kimi"}, [5004, 5002]),
        ({"outcome": "error"}, [5004, 5002]),
        ({"trace_id": TRACE}, [5003, 5002, 5001]),
        ({"q": TRACE.upper()}, [5003, 5002, 5001]),
        ({"q": "STRASSE"}, [5001]),
        ({"q": "connectionerr"}, [5002]),
        ({"q": "nowhere"}, []),
        ({"source": "nobody"}, []),
        ({"q": "2499", "kind": "host"}, [5000, 4999]),
        ({"after": "2100-01-01T00:00:00Z"}, []),
        ({"before": "2001-01-01T00:00:00+11:00"}, []),
    ],
)
def test_events_are_found_by_what_they_are(daemon: Daemon, query: dict[str, str], expected: list[int]) -> None:
    assert seqs(daemon, **query) == expected


@pytest.mark.parametrize(
    ("query", "total"),
    [("kind=redis", 1), ("outcome=error", 2), ("kind=host", 5000), ("q=host", 5000), ("q=nowhere", 0)],
)
def test_a_filter_is_told_how_many_of_all_it_shows(daemon: Daemon, query: str, total: int) -> None:
    body = daemon.get(f"api/events?limit=1&{query}")[1]
    assert (body["total"], body["all"]) == (total, 5004)


@pytest.mark.parametrize("parameter", ["before", "cursor"])
def test_pages_follow_each_other_without_hole_to_the_oldest_event(daemon: Daemon, parameter: str) -> None:
    found: list[int] = []
    query = {"limit": "1500"}
    while True:
        body = daemon.get("api/events?" + urllib.parse.urlencode(query))[1]
        found += [one["seq"] for one in body["events"]]
        assert body["all"] == 5004
        if body["next"] is None:
            break
        query[parameter] = body["next"]
    assert found == list(range(5004, 0, -1))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("api/events?colour=red", "no such parameter"),
        ("api/events?limit=0", "from 1 to 2000"),
        ("api/events?limit=1&limit=2", "give it once"),
        ("api/events?after=2026-01-01T00:00:00", "names no zone"),
        ("api/events?after=12", "microseconds"),
        ("api/events?outcome=perhaps", "ok, error or cancelled"),
        ("api/events?trace_id=xyz", "32 hexadecimal"),
        ("api/events?q=" + "x" * 201, "at most 200"),
        ("api/stats?step=1&from=2026-01-01T00:00:00Z", "longer step"),
        ("api/stats?by=colour", "kind, name, source or outcome"),
        ("api/stats?from=2027-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "before to"),
        ("api/export?format=xml", "jsonl or csv"),
        ("api/page?x=1", "no such parameter"),
    ],
)
def test_a_question_that_cannot_be_answered_is_answered_with_what_would_be_right(
    daemon: Daemon, path: str, said: str
) -> None:
    status, body = daemon.get(path)
    assert (status, said in body["error"]) == (400, True), body


def test_answers_are_of_the_schema(daemon: Daemon) -> None:
    status, document = daemon.get("api/openapi.json")
    assert status == 200
    asked: list[tuple[str, type[msgspec.Struct]]] = [
        ("api/page", Page), ("api/events", EventsPage), ("api/stats", StatsAnswer), (f"api/traces/{TRACE}", Trace),
    ]  # fmt: skip
    for path, kind in asked:
        body = fetch(daemon.addresses["page"] + path)[1]
        assert isinstance(msgspec.json.decode(body, type=kind), kind)
    simple = [path for path in document["paths"] if "{" not in path]
    assert {path: daemon.get(path[1:])[0] for path in simple if path != "/api/export"} == dict.fromkeys(
        [path for path in simple if path != "/api/export"], 200
    )


def test_the_page_is_told_where_the_stream_is_by_the_name_it_was_asked_by(daemon: Daemon) -> None:
    address = urllib.parse.urlsplit(daemon.stream)
    asked = {"Host": "localhost:9999"}
    assert daemon.get("api/page", asked)[1]["stream_url"] == f"ws://localhost:{address.port}/monitoring"
    behind = {**asked, "X-Forwarded-Proto": "https"}
    assert daemon.get("api/page", behind)[1]["stream_url"].startswith("wss://localhost:")


def test_charts_tell_measured_quiet_from_time_that_nobody_measured(daemon: Daemon) -> None:
    for _ in range(200):
        body = daemon.get(f"api/stats?step=1&from={now_us() - 300_000_000}")[1]
        if any(point["operations"] for point in body["points"] if point["kind"] == "kimi"):
            break
        time.sleep(0.05)
    redis = [point for point in body["points"] if point["kind"] == "redis"]
    assert 10 <= len(redis) < 280  # measured since its process began, 20 s before the first of these tests
    assert sum(point["operations"] for point in redis) == 1
    assert sum(point["errors"] for point in redis) == 1
    assert [point["p50_ns"] for point in redis] == [None] * len(redis)  # none of them had a duration
    supabase = [point for point in body["points"] if point["kind"] == "supabase" and point["operations"]]
    assert [point["operations"] for point in supabase] == [5]
    assert abs(supabase[0]["p50_ns"] - 2_000_000) <= 20_000
    assert body["missing"][0]["from_us"] == body["from_us"]
    by_outcome = daemon.get(f"api/stats?step=1&by=outcome&from={now_us() - 300_000_000}")[1]["points"]
    assert sum(point["operations"] for point in by_outcome if point["outcome"] == "error") == 2


def test_a_trace_shows_one_request_across_kinds(daemon: Daemon) -> None:
    body = daemon.get(f"api/traces/{TRACE}")[1]
    assert {one["kind"] for one in body["events"]} == {"websocket", "supabase", "redis"}
    assert body["events"][0]["name"] == "ws.message"
    assert "3 events" in body["sentence"]
    assert daemon.get("api/traces/" + "f" * 32)[0] == 404


def test_calls_per_request_are_counted_by_their_weight(daemon: Daemon) -> None:
    requests = daemon.get("api/calls")[1]["requests"]
    shown = next(one for one in requests if one["name"] == "ws.message")
    assert (shown["calls"], shown["trace_id"]) == (6, TRACE)


def test_an_export_is_a_download_of_everything_that_the_filter_shows(daemon: Daemon) -> None:
    status, body, headers = fetch(daemon.addresses["page"] + "api/export?format=jsonl")
    assert status == 200
    assert "attachment" in headers["Content-Disposition"]
    rows = [msgspec.json.decode(line, type=StoredEvent) for line in body.splitlines()]
    assert [row.seq for row in rows] == list(range(1, 5005))
    body = fetch(daemon.addresses["page"] + "api/export?format=csv&outcome=error")[1]
    table = list(csv.DictReader(io.StringIO(body.decode())))
    assert [row["seq"] for row in table] == ["5002", "5004"]
    assert table[1]["error_type"] == "'+1"
    assert not any(cell.startswith(("=", "+", "@")) for row in table for cell in row.values())
    assert json.loads(table[1]["attributes"])["prompt"].startswith("=")


def ask(daemon: Daemon, method: str, target: str, body: str = "", **headers: str) -> http.client.HTTPResponse:
    """A request as it is written, without a library's idea of its path."""
    parts = urllib.parse.urlsplit(daemon.addresses["page"])
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request(
        method, target, body or None, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    answer = connection.getresponse()
    answer.read()
    return answer


@pytest.mark.parametrize(
    "target",
    ["/../daemon/core.py", "/%2e%2e/pyproject.toml", "/..%2fpyproject.toml", "//etc/passwd", "/.git/config",
     "/index.html/", "/__init__.py", "/index.html%00.js", "/%5c..%5cpyproject.toml", "/vendor/../../README.md"],
)  # fmt: skip
def test_no_path_leads_out_of_the_page_s_folder(daemon: Daemon, target: str) -> None:
    assert ask(daemon, "GET", target).status in (400, 404)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.html").write_text("<!doctype html>")
    (tmp_path / "secret.txt").write_text("secret")
    (pages / "link.txt").symlink_to(tmp_path / "secret.txt")
    with running(tmp_path, DASHBOARD=str(pages)) as daemon:
        assert fetch(daemon.addresses["page"])[0] == 200
        assert fetch(daemon.addresses["page"] + "link.txt")[0] == 404


def test_files_have_a_tag_and_a_strict_policy(daemon: Daemon) -> None:
    status, _, headers = fetch(daemon.addresses["page"])
    assert status == 200
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert daemon.stream.removesuffix("/monitoring") in headers["Content-Security-Policy"]
    assert ask(daemon, "GET", "/", If_None_Match=headers["ETag"]).status == 304
    assert fetch(daemon.addresses["page"] + "nothing")[2]["X-Content-Type-Options"] == "nosniff"


def test_with_a_token_nothing_is_read_without_it_and_a_login_opens_the_page(tmp_path: Path) -> None:
    with running(tmp_path, MONITOR_TOKEN=TOKEN) as daemon:
        assert daemon.get("api/page")[0] == 401
        assert daemon.get("api/page", {"Authorization": f"Bearer {TOKEN}"})[0] == 200
        assert daemon.get(f"api/page?token={TOKEN}")[0] == 400
        assert fetch(daemon.addresses["page"])[0] in (200, 401)
        origin = daemon.addresses["page"].rstrip("/")
        form = {"Content_Type": "application/x-www-form-urlencoded", "Origin": origin}
        assert ask(daemon, "POST", "/login", "token=wrong", **form).status == 401
        assert ask(daemon, "POST", "/login", f"token={TOKEN}", **{**form, "Origin": "https://else.where"}).status == 403
        answer = ask(daemon, "POST", "/login", f"token={TOKEN}", **form)
        cookie = answer.headers["Set-Cookie"]
        assert answer.status == 303
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        opens = {"Cookie": cookie.split(";")[0]}
        assert daemon.get("api/page", opens)[0] == 200
        assert_told(daemon, opens)


def assert_told(daemon: Daemon, opens: dict[str, str]) -> None:
    """Who was let in and who was not are events, and no token is among them."""
    for _ in range(200):
        events = daemon.get("api/events?kind=auth,config", opens)[1]["events"]
        told = {(one["attributes"].get("auth.method"), one["outcome"], one.get("error_type")) for one in events}
        if ("login", "ok", None) in told:
            break
        time.sleep(0.05)
    assert {("login", "ok", None), ("none", "error", "no_token"), (None, "ok", None)} <= told
    assert TOKEN not in json.dumps(events)
