"""A running daemon whose event loop stands still: it is seen and said, and liveness and metrics are answered."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from tests.daemons import Daemon, fetch, running
from tests.observing import wait_until

PORTS = {"HEALTH_CHECK_PORT": "0", "METRICS_PORT": "0", "HEALTH_CHECK_ENABLED": "true", "METRICS_ENABLED": "true",
         "HEALTH_CHECK_PERIOD": "2s"}  # fmt: skip
PERIODS_S = 6  # two of the daemon's own, and time for a busy machine
# As code that blocks would, and with a lock that every thread pool of the process waits for.
FREEZE = """
import asyncio, signal, time
from concurrent.futures import thread
def freeze():
    with thread._global_shutdown_lock:
        time.sleep(60)
signal.signal(signal.SIGUSR1, lambda *_: asyncio.get_running_loop().call_soon_threadsafe(freeze))
"""


def event_loop(daemon: Daemon) -> dict[str, str]:
    _, body, _ = fetch(daemon.addresses["health"])
    return next(one for one in json.loads(body)["components"] if one["name"] == "event_loop")


def test_a_frozen_loop_of_a_running_daemon_shows_and_liveness_stays(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(FREEZE)
    with running(tmp_path / "daemon", PYTHONPATH=str(tmp_path), **PORTS) as daemon:
        wait_until(lambda: event_loop(daemon)["status"] == "healthy", PERIODS_S, "the loop is not healthy")
        daemon.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: event_loop(daemon)["status"] == "unhealthy", PERIODS_S, "a frozen loop is not shown")
        assert event_loop(daemon)["reason"].startswith("The event loop has not come to its next task for ")
        began = time.monotonic()
        assert fetch(daemon.addresses["health"] + "/live")[0] == 200
        assert fetch(daemon.addresses["health"] + "/ready")[0] == 503
        assert fetch(daemon.addresses["metrics"])[0] == 200
        assert time.monotonic() - began < 2
