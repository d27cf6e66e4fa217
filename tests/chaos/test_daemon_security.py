"""A daemon among strangers: each is refused, nobody learns a token, and those who may are served all the while."""

from __future__ import annotations

import json
import resource
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.daemons import Daemon, fetch, running

READ, INGEST = "read-me-9f3c81d207be", "write-me-4a65b7710c11"
READER, SENDER = {"Authorization": f"Bearer {READ}"}, {"Authorization": f"Bearer {INGEST}"}
SECRET = "the page's folder has a neighbour"
HELLO = json.dumps({
    "type": "hello", "protocol": 1,
    "source": {"service": "api", "instance": "api-1", "pid": 1, "started_us": 1},
})  # fmt: skip
GROWS_BYTES = 96 * 1024 * 1024


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page's folder, with what must not be served beside it and in it."""
    root = tmp_path_factory.mktemp("served")
    folder = root / "page"
    folder.mkdir()
    (root / "secret.txt").write_text(SECRET)
    (root / "page-too").mkdir()
    (root / "page-too" / "secret.txt").write_text(SECRET)
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / ".hidden.txt").write_text(SECRET)
    (folder / "code.py").write_text(SECRET)
    (folder / "link.txt").symlink_to(root / "secret.txt")
    return folder


@pytest.fixture(scope="module")
def daemon(dashboard: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One with tokens and all of its servers, for all of these tests."""
    folder = tmp_path_factory.mktemp("daemon")
    settings = {"MONITOR_TOKEN": READ, "INGEST_TOKEN": INGEST, "DASHBOARD": str(dashboard)}
    ports = {"HEALTH_CHECK_PORT": "0", "METRICS_PORT": "0", "HEALTH_CHECK_ENABLED": "true", "METRICS_ENABLED": "true"}
    with running(folder, **settings, **ports) as started:
        yield started
        assert started.terminate() == 0
        said = "\n".join(started.said) + started.errors.read_text()
        assert READ not in said
        assert INGEST not in said
        assert "Traceback" not in said


def port_of(address: str) -> int:
    return urlsplit(address).port or 0


def assert_steady(daemon: Daemon) -> None:
    """It answers those who may, on each port, soon."""
    began = time.monotonic()
    assert daemon.get("api/sources", READER)[0] == 200
    assert fetch(daemon.addresses["health"] + "/live")[0] == 200
    assert fetch(daemon.addresses["metrics"], READER)[0] == 200
    with connect(daemon.ingest, additional_headers=SENDER, open_timeout=5) as sender:
        sender.send(HELLO)
        assert json.loads(sender.recv(5))["type"] == "welcome"
    assert time.monotonic() - began < 5


def status_of(address: str, headers: Mapping[str, str] | None = None, origin: str | None = None) -> int:
    """Of a WebSocket's handshake; 101 where it was opened."""
    try:
        with connect(address, additional_headers=headers or {}, origin=origin, open_timeout=5):  # type: ignore[arg-type]
            return 101
    except InvalidStatus as error:
        refused = error.response
    assert READ not in f"{refused.body!r} {refused.headers}"
    return refused.status_code


@pytest.mark.parametrize("name", ["stream", "ingest"])
@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, "", 401),
        ({"Authorization": "Bearer wrong"}, "", 401),
        ({"Authorization": READ}, "", 401),
        ({"Cookie": f"pgfold_monitor={READ}"}, "", 403),
        ({"X-Token": READ}, "", 401),
        ({}, f"?token={READ}", 400),
        (READER, f"?token={READ}", 400),
        (SENDER, f"?x={INGEST}", 400),
    ],
)
def test_a_websocket_needs_its_token_in_its_place(
    daemon: Daemon, name: str, headers: Mapping[str, str], query: str, status: int
) -> None:
    assert status_of(daemon.addresses[name] + query, headers) == status


def test_each_token_opens_its_own_websocket_only(daemon: Daemon) -> None:
    assert (status_of(daemon.stream, READER), status_of(daemon.ingest, SENDER)) == (101, 101)
    assert (status_of(daemon.stream, SENDER), status_of(daemon.ingest, READER)) == (403, 403)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example"]
)
@pytest.mark.parametrize("name", ["stream", "ingest"])
def test_another_sites_page_opens_no_websocket_even_with_the_token(daemon: Daemon, name: str, origin: str) -> None:
    headers = READER if name == "stream" else SENDER
    assert status_of(daemon.addresses[name], headers, origin) == 403


def log_in(daemon: Daemon, token: str, **headers: str) -> tuple[int, str]:
    body = f"token={token}".encode()
    lines = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body)), **headers}
    answer = exchange(daemon.addresses["page"], head("POST", "/login", daemon.addresses["page"], lines) + body)
    cookies = [line.split(": ", 1)[1] for line in answer.split("\r\n") if line.lower().startswith("set-cookie: ")]
    return int(answer.split()[1]), cookies[0] if cookies else ""


def head(method: str, target: str, address: str, lines: Mapping[str, str]) -> bytes:
    own = {"Host": urlsplit(address).netloc, "Connection": "close", **lines}
    headers = "".join(f"{name}: {value}\r\n" for name, value in own.items())
    return f"{method} {target} HTTP/1.1\r\n{headers}\r\n".encode("latin-1")


def exchange(address: str, request: bytes) -> str:
    """All that is answered to these bytes, up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port_of(address)), 10) as connection:
        connection.sendall(request)
        found = b""
        with suppress(ConnectionError, TimeoutError):
            while data := connection.recv(65_536):
                found += data
        return found.decode("latin-1")


def test_the_cookie_of_a_login_opens_the_page_and_its_stream_to_that_page_alone(daemon: Daemon) -> None:
    page = daemon.addresses["page"].rstrip("/")
    assert log_in(daemon, "wrong", Origin=page) == (401, "")
    assert log_in(daemon, READ, Origin="http://evil.example") == (403, "")
    status, cookie = log_in(daemon, READ, Origin=page)
    assert (status, {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))) == (303, True)
    assert READ not in cookie
    own = {"Cookie": cookie.split(";")[0]}
    assert daemon.get("api/sources", own)[0] == 200
    assert status_of(daemon.stream, own, page) == 101
    assert status_of(daemon.stream, own, "http://evil.example") == 403
    assert status_of(daemon.stream, own) == 403
    assert status_of(daemon.ingest, own, page) == 401


@pytest.mark.parametrize("path", ["/api/sources", "/api/page", "/api/events", "/api/export?format=csv", "/api/stats"])
def test_the_read_api_needs_the_token(daemon: Daemon, path: str) -> None:
    assert fetch(daemon.addresses["page"].rstrip("/") + path)[0] == 401
    joined = path + ("&" if "?" in path else "?")
    assert fetch(f"{daemon.addresses['page'].rstrip('/')}{joined}access_token={READ}", READER)[0] == 400


def test_health_says_no_more_than_the_status_without_the_token_and_metrics_nothing(daemon: Daemon) -> None:
    _, body, _ = fetch(daemon.addresses["health"])
    assert set(json.loads(body)) == {"status"}
    _, body, _ = fetch(daemon.addresses["health"], READER)
    assert "components" in json.loads(body)
    assert fetch(daemon.addresses["metrics"])[0] == 401
    assert fetch(daemon.addresses["metrics"], {"Cookie": f"pgfold_monitor={READ}"})[0] == 401


@pytest.mark.parametrize("name", ["page", "health", "metrics"])
def test_every_answer_has_the_security_headers(daemon: Daemon, name: str) -> None:
    for path in ("", "nothing-here"):
        _, _, headers = fetch(daemon.addresses[name] + path)
        found = {key.lower(): value for key, value in headers.items()}
        assert "default-src 'none'" in found["content-security-policy"]
        assert "unsafe" not in found["content-security-policy"]
        assert (found["x-content-type-options"], found["x-frame-options"]) == ("nosniff", "DENY")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt", "/..\\secret.txt",
        "/..%5csecret.txt", "/page-too/secret.txt", "/../page-too/secret.txt", "//etc/passwd", "/%2fetc/passwd",
        "/./../secret.txt", "/....//secret.txt", "/%252e%252e/secret.txt", "/index.html%00.txt", "/.hidden.txt",
        "/code.py", "/link.txt", "/index.html/../../secret.txt", "/%c0%ae%c0%ae/secret.txt", "file:///etc/passwd",
        "/" + "a/" * 2000, "/" + "x" * 60_000, "/api/../../secret.txt", "/index.html;/../secret.txt",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_pages_folder(daemon: Daemon, path: str) -> None:
    answer = exchange(daemon.addresses["page"], head("GET", path, daemon.addresses["page"], READER))
    assert answer.split()[1] in {"400", "404", "414", "431"}, answer[:300]
    assert SECRET not in answer
    assert "root:" not in answer


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 2_000_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(5000)) + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500) + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\x00\r\n\r\n" % READ.encode(),
        b"GET /?token=%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\x00: x\r\n\r\n" % READ.encode(),
        b"DELETE /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    ],
)
@pytest.mark.parametrize("name", ["page", "stream", "health", "metrics"])
def test_what_is_no_proper_request_is_refused(daemon: Daemon, name: str, request_text: bytes) -> None:
    address = daemon.addresses[name]
    with suppress(ConnectionError):
        status = (exchange(address, request_text).split() or ["", "none"])[1]
        assert status in {"400", "401", "403", "404", "405", "414", "421", "431", "none"}, status
    assert fetch(daemon.addresses["health"] + "/live")[0] == 200


def memory_of(daemon: Daemon) -> int:
    return int(psutil.Process(daemon.process.pid).memory_info().rss)


def close_code(connection: ClientConnection) -> int | None:
    with suppress(ConnectionClosed):
        while True:
            connection.recv(10)
    return connection.close_code


@pytest.mark.parametrize("name", ["stream", "ingest"])
def test_ten_megabytes_in_one_message_end_the_connection_and_nothing_else(daemon: Daemon, name: str) -> None:
    before = memory_of(daemon)
    for _ in range(5):
        headers = READER if name == "stream" else SENDER
        with connect(daemon.addresses[name], additional_headers=headers, max_size=None) as connection:
            if name == "ingest":
                connection.send(HELLO)
            with suppress(ConnectionClosed):
                connection.send("x" * 10_000_000)
            assert close_code(connection) in (1009, 1008, 1006)
    assert memory_of(daemon) - before < GROWS_BYTES
    assert_steady(daemon)


def test_ten_megabytes_in_many_fragments_end_the_connection_too(daemon: Daemon) -> None:
    with connect(daemon.ingest, additional_headers=SENDER, max_size=None) as connection:
        connection.send(HELLO)
        with suppress(ConnectionClosed):
            connection.send("y" * 50_000 for _ in range(200))
        assert close_code(connection) in (1009, 1008, 1006)
    assert_steady(daemon)


def test_a_login_of_ten_megabytes_is_not_read(daemon: Daemon) -> None:
    page = daemon.addresses["page"]
    lines = {"Content-Length": "10000000", "Origin": page.rstrip("/")}
    before = memory_of(daemon)
    with suppress(ConnectionError):
        exchange(page, head("POST", "/login", page, lines) + b"token=" + b"z" * 9_999_994)
    assert memory_of(daemon) - before < GROWS_BYTES
    assert_steady(daemon)


def test_compression_is_not_agreed_to(daemon: Daemon) -> None:
    """A small compressed message could become a large one."""
    with connect(daemon.ingest, additional_headers=SENDER, compression="deflate") as connection:
        assert connection.protocol.extensions == []


def slow_clients(daemon: Daemon, stack: ExitStack) -> dict[str, socket.socket]:
    """Each has begun to ask for something, and goes on as slowly as it can."""
    page = daemon.addresses["page"]
    beginnings = {
        "nothing": (page, b""),
        "a head": (page, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "),
        "a head for health": (daemon.addresses["health"], b"GET /health HTTP/1.1\r\nX-Slow: "),
        "a head for metrics": (daemon.addresses["metrics"], b"GET /metrics HTTP/1.1\r\nX-Slow: "),
        "a handshake": (daemon.stream, b"GET /monitoring HTTP/1.1\r\nUpgrade: websocket\r\nX-Slow: "),
        "a login": (page, head("POST", "/login", page, {"Content-Length": "90", "Origin": page.rstrip("/")}) + b"to"),
    }
    found = {}
    for name, (address, beginning) in beginnings.items():
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port_of(address)), 10))
        connection.sendall(beginning)
        connection.setblocking(False)
        found[name] = connection
    return found


def is_over(connection: socket.socket) -> bool:
    """Whether the daemon ended it: with an answer or without."""
    try:
        connection.recv(65_536)
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_who_asks_slowly_or_says_nothing_is_cut_off_while_others_are_served(daemon: Daemon) -> None:
    deadline = time.monotonic() + 16
    with ExitStack() as stack:
        slow = slow_clients(daemon, stack)
        silent = stack.enter_context(connect(daemon.ingest, additional_headers=SENDER))
        unsubscribed = stack.enter_context(connect(daemon.stream, additional_headers=READER))
        while slow and time.monotonic() < deadline:
            for name, connection in list(slow.items()):
                if is_over(connection):
                    del slow[name]
                elif name != "nothing":
                    with suppress(OSError):
                        connection.send(b"x")
            assert fetch(daemon.addresses["health"] + "/live")[0] == 200
            time.sleep(0.05)
        assert list(slow) == []
        assert close_code(silent) is not None
        assert close_code(unsubscribed) is not None
    assert_steady(daemon)


def test_ten_thousand_idle_connections_leave_room_for_those_who_may(daemon: Daemon) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = memory_of(daemon)
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for number in range(min(10_000, hard - 500)):
            address = daemon.stream if number % 4 == 0 else daemon.addresses["page"]
            stack.enter_context(socket.create_connection(("127.0.0.1", port_of(address)), 10))
        assert_steady(daemon)
        assert memory_of(daemon) - before < 4 * GROWS_BYTES
    assert_steady(daemon)
