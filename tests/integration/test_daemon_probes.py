"""Each probe against the real thing, which is stopped, held, slowed or filled: it shows within two periods."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import threading
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from psycopg.conninfo import make_conninfo

from daemon.probes.dagster import DagsterLimits, look_at_dagster
from daemon.probes.disk import DiskLimits, look_at_disk
from daemon.probes.event_loop import LoopLimits, LoopWatch, look_at_loop
from daemon.probes.finding import Finding, Probe, Status
from daemon.probes.memory import read_memory
from daemon.probes.own_thread import OwnThread
from daemon.probes.postgres import PostgresLimits, look_at_postgres
from daemon.probes.redis import RedisLimits, look_at_redis
from pipelines.database.account import choose_account, run_as
from pipelines.database.embedded import EmbeddedServer, embedded_server
from tests.databases import Database
from tests.fix_dagster import Up
from tests.observing import PERIOD_S, Observed, observed, running_loop, running_redis, slow_way

POSTGRES = PostgresLimits()


def postgres_probe(conninfo: str | None, limits: PostgresLimits = POSTGRES) -> Probe:
    look = partial(look_at_postgres, conninfo, limits, PERIOD_S / 4)
    return Probe("postgres", "Postgres", look, PERIOD_S, needed=True)


def status_of(address: str, path: str) -> int:
    try:
        with urlopen(address + path, timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def assert_alive(seen: Observed) -> None:
    assert status_of(seen.address, "/health/live") == 200


def test_postgres_that_stops_or_hangs_shows_and_liveness_stays(server_folder: Path) -> None:
    with embedded_server(server_folder, durable=False) as server, observed(postgres_probe(server.url)) as seen:
        healthy = seen.wait_for("postgres", Status.HEALTHY)
        assert "connections in use" in healthy.reason
        assert healthy.latency_ns
        assert status_of(seen.address, "/health/ready") == 200

        with held(server):
            hung = seen.wait_for("postgres", Status.UNHEALTHY)
            assert hung.reason == f"Postgres has not answered for {PERIOD_S / 4 * 1000:.0f} ms."
            assert (status_of(seen.address, "/health/ready"), status_of(seen.address, "/health")) == (503, 503)
            assert_alive(seen)
        seen.wait_for("postgres", Status.HEALTHY)

        pg_ctl(server, "stop", "--mode=immediate")
        gone = seen.wait_for("postgres", Status.UNHEALTHY)
        assert gone.reason.startswith("Postgres refused after ")
        assert_alive(seen)


class held:
    """A server whose first process, the one that accepts connections, is stopped by a signal."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._pid = int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])

    def __enter__(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGCONT)


def pg_ctl(server: EmbeddedServer, *arguments: str) -> None:
    command = [str(server.bin_folder / "pg_ctl"), *arguments, "--wait", "--silent", "--pgdata=data"]
    ended = run_as(choose_account(server.folder / "data"), command, server.folder)
    assert ended.returncode == 0, ended.stderr


def test_a_slow_postgres_is_degraded(database: Database) -> None:
    with slow_way(database.url) as way, observed(postgres_probe(way.conninfo, PostgresLimits(slow_s=0.1))) as seen:
        seen.wait_for("postgres", Status.HEALTHY)
        way.delay_s = 0.06
        slow = seen.wait_for("postgres", Status.DEGRADED)
        assert slow.reason.startswith("Slow: more than 100 ms. Answers in 1")
        assert status_of(seen.address, "/health/ready") == 200


def ask(look: object) -> Finding:
    return asyncio.run(look)  # type: ignore[arg-type]


def test_a_transaction_that_stays_open_and_full_connections_are_named(database: Database) -> None:
    with database.connect() as holder, holder.transaction():
        holder.execute("SELECT set_config('application_name', 'nightly report', false)")
        found = ask(look_at_postgres(database.url, PostgresLimits(transaction_s=0), 5))
        assert found.status is Status.DEGRADED
        assert found.reason.startswith(f"A transaction of nightly report (pid {holder.info.backend_pid}) is open for ")
    full = ask(look_at_postgres(database.url, PostgresLimits(connections_full=0), 5))
    assert (full.status, full.reason[:22]) == (Status.UNHEALTHY, "No connection is left.")


def test_a_role_without_rights_measures_too(database: Database) -> None:
    database.run("CREATE ROLE watcher LOGIN")
    try:
        found = ask(look_at_postgres(make_conninfo(database.url, user="watcher"), PostgresLimits(), 5))
        assert found.status is Status.HEALTHY, found
    finally:
        database.run("DROP ROLE watcher")


def test_redis_that_hangs_or_goes_shows(tmp_path: Path) -> None:
    with running_redis(tmp_path, "--maxmemory", "64mb") as (url, process):
        probe = Probe("redis", "Redis", partial(look_at_redis, url, RedisLimits(), PERIOD_S / 4), PERIOD_S)
        with observed(probe) as seen:
            healthy = seen.wait_for("redis", Status.HEALTHY)
            assert "of 64 MB used" in healthy.reason
            process.send_signal(signal.SIGSTOP)
            seen.wait_for("redis", Status.UNHEALTHY)
            assert_alive(seen)
            process.send_signal(signal.SIGCONT)
            seen.wait_for("redis", Status.HEALTHY)
            process.kill()
            gone = seen.wait_for("redis", Status.UNHEALTHY)
            assert gone.reason.startswith("Redis refused after ")
            assert_alive(seen)


def test_what_is_not_configured_is_disabled_and_says_what_to_set() -> None:
    found = [
        ask(look_at_postgres(None, PostgresLimits(), 1)),
        ask(look_at_redis(None, RedisLimits(), 1)),
        ask(look_at_dagster(None, DagsterLimits())),
    ]
    assert [one.status for one in found] == [Status.DISABLED] * 3
    assert ["DATABASE_URL" in found[0].reason, "REDIS_URL" in found[1].reason, "DAGSTER_URL" in found[2].reason]


def test_a_frozen_event_loop_shows_and_liveness_stays() -> None:
    frozen, thaw = threading.Event(), threading.Event()

    def freeze() -> None:
        frozen.set()
        thaw.wait(10)

    with running_loop() as loop:
        watch = LoopWatch(loop)
        look = partial(look_at_loop, watch, LoopLimits(frozen_s=PERIOD_S / 2))
        with observed(Probe("event_loop", "Event loop", look, PERIOD_S), watch=watch) as seen:
            seen.wait_for("event_loop", Status.HEALTHY)
            loop.call_soon_threadsafe(freeze)
            frozen.wait(5)
            try:
                still = seen.wait_for("event_loop", Status.UNHEALTHY)
                assert still.reason.startswith("The event loop has not come to its next task for ")
                assert_alive(seen)
            finally:
                thaw.set()
            seen.wait_for("event_loop", Status.DEGRADED, within_s=4 * PERIOD_S)  # the freeze is in the last minute


def test_a_disk_that_fills_up_shows(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"only root may mount a small disk: {mounted.stderr.decode().strip()}")
    try:
        look = partial(
            look_at_disk, [disk / "history"], DiskLimits(full_bytes=1), lambda: 1024 * 1024, OwnThread("disk")
        )
        with observed(Probe("disk", "Disk", look, PERIOD_S)) as seen:
            roomy = seen.wait_for("disk", Status.HEALTHY)
            assert "8 MB of 8 MB free, 100 %, enough for 8 backups like the newest." in roomy.reason
            (disk / "ballast").write_bytes(bytes(7_600_000))
            seen.wait_for("disk", Status.DEGRADED)
            (disk / "more").write_bytes(bytes(700_000))
            full = seen.wait_for("disk", Status.UNHEALTHY)
            assert str(disk / "history") in full.reason
            assert_alive(seen)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_memory_is_read_from_this_machine_or_container() -> None:
    memory = read_memory()
    assert 0 < memory.used_bytes < memory.limit_bytes


def test_dagsters_own_daemons_are_seen_alive(up: Up) -> None:
    found = ask(look_at_dagster(up.webserver.address, DagsterLimits()))
    assert (found.status, found.reason[:19]) == (Status.HEALTHY, "Scheduler, sensors,")


def test_what_answers_in_dagsters_place_is_unknown_or_unhealthy(server_folder: Path) -> None:
    with observed() as seen:
        found = ask(look_at_dagster(seen.address, DagsterLimits()))
        assert (found.status, "status 404" in found.reason) == (Status.UNHEALTHY, True)
    gone = ask(look_at_dagster(seen.address.replace("://", "://ada:secret@"), DagsterLimits()))
    assert gone.status is Status.UNHEALTHY
    assert "secret" not in gone.reason


def test_startup_waits_for_every_probe_and_readiness_for_what_is_needed(database: Database) -> None:
    release = threading.Event()

    async def slow() -> Finding:
        return Finding(Status.HEALTHY if release.is_set() else Status.UNHEALTHY, "1 look")

    probes = [postgres_probe(database.url), Probe("backups", "Backups", slow, PERIOD_S)]
    with observed(*probes) as seen:
        seen.wait_for("backups", Status.UNHEALTHY)
        seen.wait_for("postgres", Status.HEALTHY)
        assert status_of(seen.address, "/health/startup") == 200
        assert status_of(seen.address, "/health/ready") == 200
        assert status_of(seen.address, "/health") == 503
        release.set()
        seen.wait_for("backups", Status.HEALTHY)
        with urlopen(seen.address + "/health", timeout=5) as answer:
            told = json.load(answer)
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert (told["status"], [one["name"] for one in told["components"]]) == ("healthy", ["postgres", "backups"])
