"""What an application sent, known exactly: a request across kinds, hostile names, errors, drops, semaphores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from monitoring.wire import Event
from tests.browser.fix_dashboard import Daemon, Feed, event

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HOSTILE_NAME = "<img src=x onerror=\"document.title='x'\">"
HOSTILE_KIND = "<b>kind</b>"
HOSTILE_ERROR = "</style><script>document.title='x'</script>"
PLAIN = 320


@dataclass(frozen=True, slots=True)
class Sent:
    """Everything that the daemon was sent, and the sources that go on sending."""

    daemon: Daemon
    api: Feed
    worker: Feed
    events: list[Event]
    dropped: int

    def more(self, *events: Event) -> None:
        """Some more from the first source."""
        self.api.send(events)
        self.events.extend(events)

    def having(self, **wanted: str) -> int:
        """How many events have these fields."""
        return sum(all(getattr(one, name) == value for name, value in wanted.items()) for one in self.events)


def one_request() -> list[Event]:
    """A request as a server sees it: nine calls in 1.42 s, one of them refused and tried elsewhere."""
    calls = (
        event("ws.message", "websocket", ago_s=2.0, took_ms=1420, trace_id=TRACE, size=2000),
        event("auth.check", "auth", ago_s=3.40, took_ms=2.1, trace_id=TRACE),
        event("redis.get", "redis", ago_s=3.39, took_ms=0.6, trace_id=TRACE, db__operation__name="session"),
        *(event("db.query", "supabase", ago_s=3.38 - n / 100, took_ms=5, trace_id=TRACE, db__collection__name=table)
          for n, table in enumerate(("conversations", "messages", "files"))),
        event("provider.call", "glm", ago_s=3.31, took_ms=46, trace_id=TRACE, error="429 rate_limited"),
        event("provider.call", "kimi", ago_s=2.02, took_ms=1270, trace_id=TRACE, gen_ai__request__model="kimi-k2",
              gen_ai__usage__input_tokens=1204, gen_ai__usage__output_tokens=312),
        event("db.insert", "supabase", ago_s=2.01, took_ms=8, trace_id=TRACE, db__collection__name="issues"),
    )  # fmt: skip
    return list(calls)


def plain_events() -> list[Event]:
    """Reads and messages over the last minutes, each third of another kind."""
    kinds = (("redis", "redis.get"), ("supabase", "db.query"), ("websocket", "ws.send"))
    found = []
    for n in range(PLAIN):
        kind, name = kinds[n % 3]
        found.append(event(name, kind, ago_s=240 - n * 0.7, took_ms=1 + n % 40))
    return found


def hostile_events() -> list[Event]:
    """Names that would run, load or close something where they were taken for markup."""
    return [
        event(HOSTILE_NAME, HOSTILE_KIND, ago_s=1.5, error=HOSTILE_ERROR, note="<svg onload=alert(1)>"),
        event("plain", "javascript:alert(1)", ago_s=1.4),
    ]


def semaphore_events() -> list[Event]:
    """Two of four permits are held."""
    more: dict[str, Any] = {
        "semaphore__name": "providers",
        "semaphore__permits": 4,
        "semaphore__waiting": 0,
        "semaphore__leaked": 0,
    }
    return [
        event("semaphore.acquire", "semaphore", took_ms=0.1, semaphore__holder=f"chat {n}", semaphore__in_use=n, **more)
        for n in (1, 2)
    ]


@pytest.fixture(scope="module")
def sent(daemon: Daemon) -> Iterator[Sent]:
    """The daemon with all of it stored."""
    with Feed(daemon, "api-1") as api, Feed(daemon, "worker-1") as worker:
        deploy = event("deploy", "host", ago_s=200, took_ms=None, service__version="1.18.2")
        opened = [event("ws.open", "websocket", ago_s=230, took_ms=None) for _ in range(3)]
        of_api = [deploy, *opened, *plain_events(), *one_request(), *hostile_events()]
        of_worker = [*semaphore_events(), event("provider.call", "kimi", ago_s=5, took_ms=840, error="timeout")]
        api.send(of_api)
        worker.send(of_worker, dropped={"redis": 12})
        yield Sent(daemon, api, worker, of_api + of_worker, 12)
