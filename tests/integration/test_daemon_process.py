"""The daemon as a process: what it prints, when it refuses to start, and how it stops."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from tests.daemons import STARTS_S, Daemon, event, fetch, launch, numbers, read_until, reading, running, sending

TOKEN = "only-for-this-test-0123456789"


def refused(process: subprocess.Popen[str], folder: Path) -> tuple[int, str]:
    """Exit status and what it said on standard error."""
    process.communicate(timeout=STARTS_S)
    return process.returncode, (folder / "errors").read_text()


def test_four_servers_listen_at_the_addresses_it_prints_and_no_secret_is_printed(tmp_path: Path) -> None:
    enabled = {"HEALTH_CHECK_ENABLED": "true", "HEALTH_CHECK_PORT": "0", "METRICS_ENABLED": "true", "METRICS_PORT": "0"}
    secrets = {
        "MONITOR_TOKEN": TOKEN,
        "INGEST_TOKEN": TOKEN + "x",
        "DATABASE_URL": f"postgresql://me:{TOKEN}@nowhere/app",
    }
    opens = {"Authorization": f"Bearer {TOKEN}"}
    with running(tmp_path, **enabled, **secrets) as daemon:
        assert fetch(daemon.addresses["page"] + "api/openapi.json", opens)[0] == 200
        assert fetch(daemon.addresses["health"].replace("/health", "/health/live"))[0] == 200
        status, body, _ = fetch(daemon.addresses["metrics"], opens)
        assert (status, b"pgfold_event_loop_lag_seconds" in body) == (200, True)
        with reading(daemon, headers=opens) as page:
            assert json.loads(page.recv(5))["type"] == "hello"
        printed = "\n".join(daemon.said) + daemon.errors.read_text()
    assert TOKEN not in printed
    assert "MONITOR_TOKEN=set" in printed
    assert "DATABASE_URL=postgresql://nowhere/app" in printed


def test_open_to_others_it_asks_for_tokens_and_prints_an_address_that_can_be_opened(tmp_path: Path) -> None:
    status, said = refused(launch(tmp_path / "none", BIND_ADDRESS="0.0.0.0"), tmp_path / "none")
    assert status == 2
    assert "MONITOR_TOKEN" in said
    assert "INGEST_TOKEN" in said
    tokens = {"MONITOR_TOKEN": TOKEN, "INGEST_TOKEN": TOKEN}
    with running(tmp_path / "both", BIND_ADDRESS="0.0.0.0", **tokens) as daemon:
        assert not any("//0.0.0.0" in line for line in daemon.said)
        assert fetch(daemon.addresses["page"])[0] == 401


def test_a_port_that_is_taken_is_named_with_who_holds_it(tmp_path: Path) -> None:
    with closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        settings = {"HEALTH_CHECK_ENABLED": "true", "HEALTH_CHECK_PORT": port}
        status, said = refused(launch(tmp_path, **settings), tmp_path)
    assert status == 1
    assert port in said
    assert "HEALTH_CHECK_PORT" in said
    assert Path(sys.executable).name.split(".")[0][:6] in said


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    wrong = {"WS_PORT": "80800", "HISTORY_MAX_AGE": "a week", "TIME_ZONE": "Mars/Olympus", "METRICS_ENABLED": "perhaps"}
    status, said = refused(launch(tmp_path, **wrong), tmp_path)
    assert status == 2
    assert [name for name in wrong if name not in said] == []


def test_two_daemons_do_not_share_a_history_and_ctrl_c_stops_the_first(tmp_path: Path) -> None:
    with running(tmp_path) as daemon:
        status, said = refused(launch(tmp_path), tmp_path)
        assert (status, "another daemon" in said) == (1, True)
        daemon.process.send_signal(signal.SIGINT)
        assert daemon.process.wait(STARTS_S) == 0


def stop_while_sending(daemon: Daemon, batches: int) -> int:
    """The number of the last batch acknowledged when a stop was asked for in the middle."""
    with sending(daemon) as process:
        for _ in range(batches):
            process.send([event() for _ in range(50)])
        acknowledged = int(process.answer()["number"])
        daemon.process.terminate()
        with suppress(ConnectionClosed):
            while True:
                acknowledged = int(process.answer()["number"])
        assert process.socket.close_code == 1001
    return acknowledged


def test_a_stop_stores_what_was_acknowledged_and_says_goodbye(tmp_path: Path) -> None:
    with running(tmp_path) as daemon, reading(daemon) as page:
        acknowledged = stop_while_sending(daemon, 20)
        assert daemon.process.wait(STARTS_S) == 0
        with suppress(ConnectionClosed):
            while True:
                page.recv(5)
        assert page.close_code == 1001
    with running(tmp_path) as daemon:
        stored = daemon.get("api/events?limit=1")[1]["all"]
        assert stored >= acknowledged * 50
        assert daemon.get("api/sources")[1]["sources"][0]["stored"] == stored


def test_numbering_goes_on_after_a_restart_and_the_panels_with_it(tmp_path: Path) -> None:
    held = {"semaphore.name": "pool", "semaphore.permits": 2, "semaphore.in_use": 1, "semaphore.holder": "task-1"}
    who = {"service": "api", "instance": "api-1", "pid": 7, "started_us": time.time_ns() // 1000}
    with running(tmp_path) as daemon:
        with sending(daemon, who) as process:
            process.store(event(), event("semaphore.acquire", "semaphore", attributes=held))
        assert daemon.terminate() == 0
    with running(tmp_path) as daemon, sending(daemon, who) as process, reading(daemon, 0) as page:
        assert process.number == 1
        process.store(event())
        assert numbers(read_until(page, 3)) == [1, 2, 3]
        for _ in range(100):
            shown = daemon.get("api/semaphores")[1]["semaphores"]
            if shown and shown[0]["state"] == "free":
                break
            time.sleep(0.05)
        assert (shown[0]["holders"], shown[0]["in_use"]) == (["task-1"], 1)
