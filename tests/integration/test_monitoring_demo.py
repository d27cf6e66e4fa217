"""The demo application does what it says, whole requests included."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from daemon.demo.spells import Spell, spell_at
from tests.databases import Database
from tests.ingest import Ingest

ROOT = Path(__file__).parents[2]
REQUEST = {"ws.message", "auth.check", "redis.get", "db.query", "provider.call", "db.insert", "ws.send"}


def test_both_processes_show_every_kind_and_a_request_is_whole(
    ingest: Ingest, database: Database, tmp_path: Path
) -> None:
    arguments = ["-m", "daemon.demo", "--database-url", database.url, "--ingest", ingest.url]
    demo = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, "MONITORING_SPOOL": str(tmp_path)}
    )
    with_redis = shutil.which("redis-server") is not None
    kinds = {"websocket", "supabase", "kimi", "glm", "auth", "config", "semaphore", "host"} | (
        {"redis"} if with_redis else set()
    )
    names = REQUEST - (set() if with_redis else {"redis.get"})

    def whole() -> bool:
        requests: dict[str | None, set[str]] = {}
        for event in ingest.events:
            requests.setdefault(event.trace_id, set()).add(event.name)
        seen = {event.kind for event in ingest.events}
        return kinds <= seen and any(names <= found for trace_id, found in requests.items() if trace_id)

    try:
        ingest.wait(whole, 20)
    finally:
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(10) == 0
    assert {source.instance for source in ingest.sources} == {"api-1", "worker-1"}
    assert all(kept.recorded == len(kept.events) + kept.drops for kept in ingest.sources.values())
    active = Counter(event.name for event in ingest.events if event.name.endswith((".open", ".close")))
    assert active["db.open"] == active["db.close"] == 2
    assert active["ws.open"] == active["ws.close"] > 0


def test_the_spells_come_round() -> None:
    assert [spell_at(second) for second in range(240)] == [spell_at(second) for second in range(240, 480)]
    assert {spell_at(second) for second in range(240)} == set(Spell)
