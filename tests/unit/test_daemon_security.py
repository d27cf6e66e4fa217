"""Who the daemon lets in: by token, cookie, origin and host, and that it says nothing of the tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from daemon.security import (
    COOKIE,
    COOKIE_LASTS,
    Access,
    Asked,
    Scope,
    asked_of,
    cookie_header,
    cookie_opens,
    equal_token,
    issue_cookie,
    listening_refusals,
    loggable,
    page_headers,
    refuse,
)

NOW = datetime(2026, 11, 25, 7, 16, tzinfo=UTC)
READ, INGEST = "read-me-9f3c81d207be", "write-me-4a65b7710c11"
OPEN = Access()
CLOSED = Access(monitor_token=READ, ingest_token=INGEST, only_loopback=False)


def asked(
    target: str = "/api/events", *headers: tuple[str, str], method: str = "GET", host: str = "127.0.0.1:8080"
) -> Asked:
    return asked_of(method, target, [("Host", host), *headers])


def status(access: Access, request: Asked, scope: Scope = Scope.READ, now: datetime = NOW) -> int | None:
    refusal = refuse(access, request, scope, now)
    if refusal is not None:
        assert READ not in refusal.reason
        assert INGEST not in refusal.reason
    return refusal.status if refusal else None


def test_without_tokens_this_machine_may_read_and_write() -> None:
    assert status(OPEN, asked()) is None
    assert status(OPEN, asked("/ingest"), Scope.INGEST) is None


def test_a_token_opens_only_its_own_scope() -> None:
    read, write = ("Authorization", f"Bearer {READ}"), ("Authorization", f"bearer {INGEST}")
    assert status(CLOSED, asked("/", read)) is None
    assert status(CLOSED, asked("/ingest", write), Scope.INGEST) is None
    assert status(CLOSED, asked("/", write)) == 403
    assert status(CLOSED, asked("/ingest", read), Scope.INGEST) == 403


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer wrong")],
        [("Authorization", READ)],
        [("Authorization", f"Basic {READ}")],
        [("Authorization", "Bearer ")],
        [("X-Token", READ)],
        [("Cookie", f"{COOKIE}={READ}")],
        [("Cookie", f"{COOKIE}=9999999999.00")],
        [("Cookie", f"{COOKIE}={'9' * 5000}.x; \x01broken")],
    ],
)
def test_anything_but_the_token_is_refused(headers: list[tuple[str, str]]) -> None:
    assert status(CLOSED, asked("/", *headers)) == 401


def test_two_authorization_headers_are_refused() -> None:
    twice = [("Authorization", f"Bearer {READ}")] * 2
    assert status(CLOSED, asked("/", *twice)) == 400


@pytest.mark.parametrize(
    "target",
    [f"/?token={READ}", f"/?x={READ}", f"/{READ}", "/?Access_Token=", f"/?x={READ.replace('-', '%2D')}", f"/?{INGEST}"],
)
def test_a_token_in_an_address_is_refused_even_with_the_right_header(target: str) -> None:
    assert status(CLOSED, asked(target, ("Authorization", f"Bearer {READ}"))) == 400
    assert READ not in loggable(f"/api/events?x={READ}")


def test_the_cookie_opens_the_page_until_it_runs_out_or_the_token_changes() -> None:
    value = issue_cookie(READ, NOW)
    cookie = asked("/", ("Cookie", f"theme=dark; {COOKIE}={value}"))
    assert status(CLOSED, cookie) is None
    assert status(CLOSED, cookie, now=NOW + COOKIE_LASTS) == 401
    assert status(Access(monitor_token="another-token-0000"), cookie) == 401
    assert status(CLOSED, cookie, Scope.INGEST) == 401
    assert READ not in value
    assert not cookie_opens(str(int(value.split(".")[0]) + 1) + "." + value.split(".")[1], READ, NOW)


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites() -> None:
    header = cookie_header(issue_cookie(READ, NOW), secure=True)
    assert {"HttpOnly", "SameSite=Strict", "Secure", "Path=/"} <= set(header.split("; "))
    assert "Secure" not in cookie_header("x", secure=False).split("; ")


SOCKET = ("Upgrade", "websocket")


@pytest.mark.parametrize(
    ("origin", "host", "let_in"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8079", True),
        ("http://localhost:8080", "localhost:8079", True),
        ("https://monitor.example.org", "127.0.0.1:8079", True),
        ("http://localhost:8080", "127.0.0.1:8079", False),
        ("http://127.0.0.1:8079", "127.0.0.1:8079", False),
        ("http://127.0.0.1:9999", "127.0.0.1:8079", False),
        ("http://evil.example", "127.0.0.1:8079", False),
        ("http://127.0.0.1.evil.example:8080", "127.0.0.1:8079", False),
        ("http://x@127.0.0.1:8080", "127.0.0.1:8079", False),
        ("http://127.0.0.1:8080/path", "127.0.0.1:8079", False),
        ("http://127.0.0.1:port", "127.0.0.1:8079", False),
        ("http://[::1", "127.0.0.1:8079", False),
        ("file://", "127.0.0.1:8079", False),
        ("null", "127.0.0.1:8079", False),
        ("", "127.0.0.1:8079", False),
    ],
)
def test_a_websocket_is_opened_by_the_page_alone(origin: str, host: str, let_in: bool) -> None:
    access = Access(origins=frozenset({"https://monitor.example.org"}))
    found = status(access, asked("/monitoring", SOCKET, ("Origin", origin), host=host))
    assert found == (None if let_in else 403)


def test_a_program_without_origin_may_connect_and_a_browsers_cookie_without_one_may_not() -> None:
    bearer, cookie = ("Authorization", f"Bearer {READ}"), ("Cookie", f"{COOKIE}={issue_cookie(READ, NOW)}")
    assert status(CLOSED, asked("/monitoring", SOCKET, bearer)) is None
    assert status(CLOSED, asked("/monitoring", SOCKET, cookie)) == 403
    own = ("Origin", "http://127.0.0.1:8080")
    assert status(CLOSED, asked("/monitoring", SOCKET, cookie, own)) is None


def test_a_post_from_another_site_is_refused() -> None:
    assert status(OPEN, asked("/login", ("Origin", "http://evil.example"), method="POST")) == 403
    assert status(OPEN, asked("/login", ("Origin", "http://127.0.0.1:8080"), method="POST")) is None
    assert status(OPEN, asked("/login", *[("Origin", "http://127.0.0.1:8080")] * 2, method="POST")) == 403


def test_a_name_that_was_made_to_resolve_to_this_machine_reads_nothing() -> None:
    assert status(OPEN, asked(host="evil.example:8080")) == 421
    assert status(OPEN, asked_of("GET", "/", [])) == 400
    assert status(OPEN, asked_of("GET", "/", [("Host", "127.0.0.1"), ("Host", "evil.example")])) == 400
    assert status(OPEN, asked(host="[::1]:8080")) is None


def test_tokens_are_compared_whole() -> None:
    assert equal_token(READ, READ)
    assert not equal_token(READ[:-1], READ)
    assert not equal_token("", READ)
    assert not equal_token("\udcff", READ)


def test_listening_beyond_this_machine_needs_both_tokens_and_long_ones() -> None:
    assert listening_refusals(["127.0.0.1", "::1", "localhost"], OPEN) == ()
    assert listening_refusals(["0.0.0.0", "127.0.0.1"], CLOSED) == ()
    read, write = listening_refusals(["0.0.0.0"], OPEN)
    assert ("MONITOR_TOKEN" in read, "INGEST_TOKEN" in write, "0.0.0.0" in read) == (True, True, True)
    (short,) = listening_refusals([""], Access(monitor_token=READ, ingest_token="short"))
    assert "INGEST_TOKEN" in short
    assert "16 characters" in short
    assert "'short'" not in short


def test_nothing_shows_a_token() -> None:
    request = asked(f"/?token={READ}", ("Authorization", f"Bearer {READ}"))
    assert READ not in repr(CLOSED) + repr(request)


def test_the_page_may_run_its_own_scripts_and_reach_its_own_stream_only() -> None:
    policy = page_headers(asked(), 8079)["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'self' ws://127.0.0.1:8079 wss://127.0.0.1:8079;" in policy
    hostile = page_headers(asked(host="x; script-src *"), 8079)["Content-Security-Policy"]
    assert "script-src *" not in hostile


def test_a_cookie_lasts_as_long_as_it_says() -> None:
    assert f"Max-Age={int(timedelta(days=7).total_seconds())}" in cookie_header("x", secure=False)
