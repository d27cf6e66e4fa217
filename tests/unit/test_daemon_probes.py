"""What each probe makes of what it reads: a sentence with a number, and never healthy without a measurement."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from daemon.health import component
from daemon.observation import look
from daemon.parts import WriterState
from daemon.probes import dagster, disk, event_loop, memory, postgres, redis
from daemon.probes.finding import Finding, Probe, Status
from daemon.probes.own_thread import OwnThread
from daemon.probes.reported import (
    Latest,
    Report,
    judge_history,
    judge_semaphores,
    judge_sources,
    look_at_report,
)
from daemon.wording import duration, one_line, size
from monitoring.wire import Semaphore, Source

NOW = datetime(2026, 11, 24, 20, 16, 39, tzinfo=UTC)
H, D, U, X, OFF = Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY, Status.UNKNOWN, Status.DISABLED
GB = 1024**3


def us(ago_s: float) -> int:
    return round((NOW - timedelta(seconds=ago_s)).timestamp() * 1e6)


# --- Postgres and Redis -----------------------------------------------------------------------------------------------


def activity(connections: int = 18, longest_s: float | None = None, lag_s: float | None = None) -> postgres.Activity:
    return postgres.Activity(connections, 60, 3, 812, "app", "nightly\nreport", longest_s, lag_s)


@pytest.mark.parametrize(
    ("seen", "latency_s", "status", "reason"),
    [
        (activity(), 0.0031, H, "Answers in 3.1 ms; 18 of 60 connections in use."),
        (activity(), 0.62, D, "Slow: more than 500 ms. Answers in 620 ms; 18 of 60 connections in use."),
        (activity(50), 0.003, D, "Connections run out. Answers in 3.0 ms; 50 of 60 connections in use."),
        (activity(59), 0.003, U, "No connection is left. Answers in 3.0 ms; 59 of 60 connections in use."),
        (
            activity(longest_s=720),
            0.003,
            D,
            "A transaction of nightly report (pid 812) is open for 12 min; 3 sessions wait for locks."
            " Answers in 3.0 ms; 18 of 60 connections in use.",
        ),
        (activity(lag_s=95), 0.003, D,
         "A standby is 1 min 35 s behind. Answers in 3.0 ms; 18 of 60 connections in use."),
    ],
)  # fmt: skip
def test_postgres(seen: postgres.Activity, latency_s: float, status: Status, reason: str) -> None:
    found = postgres.judge(seen, latency_s, postgres.PostgresLimits())
    assert (found.status, found.reason) == (status, reason)
    assert found.meaning


@pytest.mark.parametrize(
    ("used", "most", "latency_s", "status", "reason"),
    [
        (41 * 2**20, 256 * 2**20, 0.0006, H, "Answers in 0.6 ms; 41 MB of 256 MB used."),
        (41 * 2**20, 0, 0.0006, H, "Answers in 0.6 ms; 41 MB used, and no maxmemory is set."),
        (250 * 2**20, 256 * 2**20, 0.0006, D, "98 % full. Answers in 0.6 ms; 250 MB of 256 MB used."),
        (41 * 2**20, 256 * 2**20, 0.2, D, "Slow: more than 100 ms. Answers in 200 ms; 41 MB of 256 MB used."),
    ],
)
def test_redis(used: int, most: int, latency_s: float, status: Status, reason: str) -> None:
    found = redis.judge({"used_memory": used, "maxmemory": most}, latency_s, redis.RedisLimits())
    assert (found.status, found.reason) == (status, reason)


# --- disk and memory --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free", "total", "backup", "status", "reason"),
    [
        (38, 80, 0.42, H, "38 GB of 80 GB free, 48 %, enough for 90 backups like the newest."),
        (38, 80, None, H, "38 GB of 80 GB free, 48 %."),
        (6, 80, None, D, "6.0 GB of 80 GB free, 8 %. Make room in /data."),
        (38, 80, 40, D, "38 GB of 80 GB free, 48 %, enough for 0 backups like the newest. Make room in /data."),
        (1, 80, None, U, "1.0 GB of 80 GB free, 1 %. Make room in /data."),
        (0.05, 0.2, None, U, "51 MB of 205 MB free, 25 %. Make room in /data."),
    ],
)
def test_disk(free: float, total: float, backup: float | None, status: Status, reason: str) -> None:
    room = disk.Room(Path("/data"), round(free * GB), round(total * GB))
    found = disk.judge(room, disk.DiskLimits(), None if backup is None else round(backup * GB))
    assert (found.status, found.reason) == (status, reason)


def test_a_disk_that_cannot_be_asked_is_unhealthy() -> None:
    def read(_: Path) -> disk.Room:
        raise OSError(5, "Input/output error")

    found = asyncio.run(disk.look_at_disk([Path("/data")], disk.DiskLimits(), lambda: None, OwnThread("disk"), read))
    assert (found.status, found.reason) == (U, "/data cannot be read: Input/output error.")


def machine(root: Path, groups: str, files: dict[str, str]) -> Path:
    meminfo = f"MemTotal: {64 * 2**20} kB\nMemFree: 1 kB\nMemAvailable: {48 * 2**20} kB\nHugePages_Total: 0\n"
    for name, text in {"proc/self/cgroup": groups, "proc/meminfo": meminfo, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V2 = {"memory.max": f"{2 * GB}\n", "memory.current": f"{GB + 300}\n", "memory.stat": "anon 5\ninactive_file 300\n"}
V1 = {"memory.limit_in_bytes": f"{2 * GB}", "memory.usage_in_bytes": f"{GB + 300}",
      "memory.stat": "inactive_file 7\ntotal_inactive_file 300\n"}  # fmt: skip


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {f"sys/fs/cgroup/{n}": t for n, t in V2.items()}, (GB, 2 * GB, "container")),
        ("0::/app.slice/api\n", {f"sys/fs/cgroup/app.slice/{n}": t for n, t in V2.items()}, (GB, 2 * GB, "container")),
        ("9:cpu:/x\n5:memory:/d/1\n", {f"sys/fs/cgroup/memory/d/1/{n}": t for n, t in V1.items()},
         (GB, 2 * GB, "container")),
        ("5:memory:/d/1\n", {f"sys/fs/cgroup/memory/{n}": t for n, t in V1.items()}, (GB, 2 * GB, "container")),
        ("0::/\n", {}, (16 * GB, 64 * GB, "machine")),
        ("0::/\n", {**{f"sys/fs/cgroup/{n}": t for n, t in V2.items()}, "sys/fs/cgroup/memory.max": "max\n"},
         (16 * GB, 64 * GB, "machine")),
        ("5:memory:/\n", {**{f"sys/fs/cgroup/memory/{n}": t for n, t in V1.items()},
                          "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"},
         (16 * GB, 64 * GB, "machine")),
        ("0::/gone\n", {}, (16 * GB, 64 * GB, "machine")),
    ],
)  # fmt: skip
def test_memory_is_the_containers_where_it_has_a_limit(
    tmp_path: Path, groups: str, files: dict[str, str], expected: tuple[int, int, str]
) -> None:
    found = memory.read_memory(machine(tmp_path, groups, files))
    assert (found.used_bytes, found.limit_bytes, found.whose) == expected


@pytest.mark.parametrize(("used", "status"), [(1.0, H), (1.64, D), (1.92, U)])
def test_memory(used: float, status: Status) -> None:
    found = memory.judge(memory.Memory(round(used * GB), 2 * GB, "container"), memory.MemoryLimits())
    assert found.status is status
    assert found.reason == f"{used:.1f} GB of 2.0 GB of the container, {used / 2 * 100:.0f} %."


# --- event loop and Dagster -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waiting_s", "lag_s", "status", "reason"),
    [
        (0.0, 0.004, H, "Lag 4.0 ms at p99; nothing waits."),
        (0.0, 0.3, D, "Lag 300 ms at p99; tasks wait."),
        (3.2, 0.004, U, "The event loop has not come to its next task for 3.2 s."),
        (3.2, None, U, "The event loop has not come to its next task for 3.2 s."),
        (0.0, None, X, "No beat has come back yet, 0 of 1."),
    ],
)
def test_event_loop(waiting_s: float, lag_s: float | None, status: Status, reason: str) -> None:
    found = event_loop.judge(waiting_s, lag_s, event_loop.LoopLimits())
    assert (found.status, found.reason) == (status, reason)


def heartbeats(*ages_s: float | None, errors: int = 0) -> bytes:
    types = ("SCHEDULER", "SENSOR", "QUEUED_RUN_COORDINATOR", "NEW_ONE")
    daemons = [
        {"daemonType": kind, "required": True, "healthy": True,
         "lastHeartbeatTime": None if age_s is None else NOW.timestamp() - age_s,
         "lastHeartbeatErrors": [{"message": "boom\nat line 1"}] * errors}
        for kind, age_s in zip(types, ages_s, strict=False)
    ]  # fmt: skip
    daemons.append({"daemonType": "BACKFILL", "required": False, "healthy": None, "lastHeartbeatTime": None,
                    "lastHeartbeatErrors": []})  # fmt: skip
    return json.dumps({"data": {"instance": {"daemonHealth": {"allDaemonStatuses": daemons}}}}).encode()


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (heartbeats(11, 3, 9), H, "Scheduler, sensors and run queue: last heartbeat 11 s ago."),
        (heartbeats(11, 120), D, "Last heartbeat of sensors 2 min ago; one is due every 30 s."),
        (heartbeats(11, 1200, 1300), U, "Last heartbeat of sensors and run queue 21 min 40 s ago;"
                                        " one is due every 30 s."),
        (heartbeats(11, None), U, "No heartbeat yet of sensors: start dagster-daemon."),
        (heartbeats(11, errors=2), D, "Scheduler: boom at line 1 (heartbeat 11 s ago)"),
        (heartbeats(), X, "Dagster names 0 daemons that it needs."),
        (heartbeats(1, 1, 1, 1), H, "Scheduler, sensors, run queue and new one: last heartbeat 1.0 s ago."),
    ],
)  # fmt: skip
def test_dagster(body: bytes, status: Status, reason: str) -> None:
    found = dagster.read_answer(body, "http://127.0.0.1:3000", dagster.DagsterLimits(), NOW)
    assert (found.status, found.reason) == (status, reason)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data": null}', b'{"errors": [1]}', b"[" * 100_000])
def test_what_is_not_dagster_is_unknown(body: bytes) -> None:
    found = dagster.read_answer(body, "http://ada:secret@127.0.0.1:3000", dagster.DagsterLimits(), NOW)
    assert found.status is X
    assert "secret" not in found.reason


# --- what the main loop reports ---------------------------------------------------------------------------------------


def writer(failure: str | None = None, written_s: float | None = 1, latency_s: float = 0.012) -> WriterState:
    return WriterState(
        measured_us=None if written_s is None else us(written_s), latency_ns=round(latency_s * 1e9), failure=failure,
        failing_since_us=us(9) if failure else None, waiting_batches=2, events=10,
        size_bytes=round(1.9 * GB), oldest_us=us(9 * 86_400),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        (writer(), H, "1.9 GB of 4.0 GB; written 12 ms after arrival. Reaches back 9 d."),
        (writer(latency_s=2), D, "Slow: 1.9 GB of 4.0 GB; written 2.0 s after arrival. Reaches back 9 d."),
        (writer("the disk is full."), U, "Not written for 9.0 s: the disk is full. 2 batches wait."),
        (writer(written_s=20), U, "Nothing was written for 20 s; 2 batches wait."),
        (writer(written_s=None), X, "The writer has written 0 times."),
    ],
)
def test_history(state: WriterState, status: Status, reason: str) -> None:
    found = judge_history(state, 4 * GB, NOW)
    assert (found.status, found.reason) == (status, reason)


def source(
    label: str, state: Literal["sending", "silent", "ended"] = "sending", ago_s: float | None = 1, started_s: float = 99
) -> Source:
    return Source(label=label, service=label.partition("-")[0], instance=label, pid=1, started_us=us(started_s),
                  last_us=None if ago_s is None else us(ago_s), state=state, recorded=1, stored=1, dropped=0,
                  expected=False)  # fmt: skip


ALL = (source("api-1"), source("api-2"))


@pytest.mark.parametrize(
    ("sources", "expected", "status", "reason"),
    [
        (None, (), X, "Sources were reported 0 times."),
        ((), (), OFF, "0 sources have sent, and EXPECTED_SOURCES names none."),
        (ALL, (), H, "2 sources: api-1 and api-2 send."),
        (ALL, ("api",), H, "2 sources: api-1 and api-2 send."),
        ((*ALL, source("worker-2", "silent", 290)), ("worker",), U,
         "worker-2 is silent for 4 min 50 s. api-1 and api-2 send."),
        ((*ALL, source("worker-2", "ended", 290)), ("worker-2",), U,
         "worker-2 ended 4 min 50 s ago. api-1 and api-2 send."),
        ((*ALL, source("worker-2", "silent", 290)), (), D, "worker-2 is silent for 4 min 50 s. api-1 and api-2 send."),
        ((*ALL, source("worker-2", "ended", 290)), (), H, "2 sources: api-1 and api-2 send."),
        ((), ("worker",), U, "worker is expected, and has sent 0 events. 0 sources send."),
        ((source("api-1", "silent", 50, 500), source("api-1", started_s=10)), ("api-1",), H, "1 source: api-1 sends."),
    ],
)  # fmt: skip
def test_sources(sources: tuple[Source, ...] | None, expected: tuple[str, ...], status: Status, reason: str) -> None:
    found = judge_sources(sources, expected, NOW)
    assert (found.status, found.reason) == (status, reason)


def semaphore(state: Literal["free", "busy", "leaking", "unknown"], over: int = 0) -> Semaphore:
    return Semaphore(name="pool", source="worker-2", permits=4, in_use=4, waiting=3, longest_held_ns=95_000_000_000,
                     holders=["task-1"], over_releases=over, state=state)  # fmt: skip


@pytest.mark.parametrize(
    ("semaphores", "status", "reason"),
    [
        ((), OFF, "0 semaphores are reported."),
        ((semaphore("free"), semaphore("busy")), H, "1 of 2 semaphores busy; 6 callers wait."),
        ((semaphore("leaking"),), D, "pool of worker-2: a permit has been held for 1 min 35 s by task-1."),
        ((semaphore("free", 2),), D, "pool of worker-2 was released 2 times too often."),
        ((semaphore("unknown"),), X, "Only worker-2 measures 1 semaphore, and is silent."),
    ],
)
def test_semaphores(semaphores: tuple[Semaphore, ...], status: Status, reason: str) -> None:
    found = judge_semaphores(semaphores)
    assert (found.status, found.reason) == (status, reason)


def test_a_report_that_is_old_says_nothing_any_more() -> None:
    latest = Latest()

    def ask() -> Finding:
        return asyncio.run(look_at_report(latest, lambda: NOW, lambda report, at: judge_history(report.writer, GB, at)))

    assert (ask().status, ask().reason) == (X, "The event loop has reported 0 times.")
    latest.report = Report(NOW - timedelta(seconds=1), writer())
    assert ask().status is H
    latest.report = Report(NOW - timedelta(seconds=4), writer())
    assert (ask().status, ask().reason) == (X, "The event loop has not reported for 4.0 s.")


# --- looking itself ---------------------------------------------------------------------------------------------------


def test_a_probe_that_fails_in_an_unforeseen_way_is_unknown() -> None:
    async def broken() -> Finding:
        raise ZeroDivisionError("1 / 0")

    found = asyncio.run(look(Probe("x", "X", broken, 5)))
    assert (found.status, found.reason) == (X, "X could not be measured, 1 error: 1 / 0.")


def test_a_look_that_ignores_its_cancellation_is_given_up_all_the_same() -> None:
    async def stubborn() -> Finding:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            await asyncio.sleep(0.3)
        return Finding(H, "1")

    async def timed() -> tuple[Finding, float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await look(Probe("x", "X", stubborn, period_s=0.2, meaning="so"))
        return found, loop.time() - began

    found, took_s = asyncio.run(timed())
    assert (found.status, found.meaning, took_s < 0.25) == (U, "so", True)


def test_what_hangs_in_a_thread_of_its_own_is_given_up_and_goes_on_later() -> None:
    release, seen = threading.Event(), list[int]()

    async def twice() -> Finding:
        apart = OwnThread("test")

        async def hang() -> Finding:
            await apart.run(lambda: seen.append(1) if release.wait(5) else None)
            return Finding(H, "1")

        hung = await look(Probe("x", "X", hang, period_s=0.2))
        release.set()
        assert await apart.run(lambda: 7) == 7
        return hung

    assert asyncio.run(twice()).status is U
    assert seen == [1]


def test_every_reason_names_a_number() -> None:
    never = component(Probe("x", "X", lambda: asyncio.sleep(0, Finding(H, "")), 5), None, NOW, NOW)
    assert any(character.isdigit() for character in never.reason)


@pytest.mark.parametrize(
    ("time_s", "said"),
    [(0.0004, "0.4 ms"), (0.046, "46 ms"), (1.42, "1.4 s"), (31.2, "31 s"), (76, "1 min 16 s"), (59.7, "1 min"),
     (7500, "2 h 5 min"), (3600, "1 h"), (9 * 86_400, "9 d"), (90_000, "1 d 1 h"), (0, "0.0 ms")],
)  # fmt: skip
def test_durations(time_s: float, said: str) -> None:
    assert duration(time_s) == said


def test_texts_from_elsewhere_stay_on_one_line_and_short() -> None:
    assert one_line("a\n\tb\x1b[31m") == "a b\N{REPLACEMENT CHARACTER}[31m"
    assert len(one_line("x" * 10_000)) == 300
    assert (size(640), size(412 * 2**20), size(1.9 * GB)) == ("640 B", "412 MB", "1.9 GB")
