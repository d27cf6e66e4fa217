"""Dagster: the heartbeats of its daemons, by GraphQL (`instance.daemonHealth`, Dagster docs: Dagster daemon)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp
import msgspec

from daemon.probes.finding import Finding, Status
from daemon.wording import duration, listed, one_line

_QUERY = """
query Heartbeats {
  instance { daemonHealth { allDaemonStatuses {
    daemonType required healthy lastHeartbeatTime lastHeartbeatErrors { message }
  } } }
}
"""
_TITLES = {"SCHEDULER": "scheduler", "SENSOR": "sensors", "QUEUED_RUN_COORDINATOR": "run queue", "ASSET": "automation",
           "BACKFILL": "backfills", "MONITORING": "run monitoring", "FRESHNESS_DAEMON": "freshness"}  # fmt: skip
_ANSWER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DagsterLimits:
    """From which age on a heartbeat is late; Dagster's daemons send one every 30 s."""

    late_s: float = 90
    dead_s: float = 300


class _Error(msgspec.Struct):
    message: str


class Daemon(msgspec.Struct, frozen=True):
    """One of Dagster's daemons; `last_heartbeat_s` is since the Unix epoch."""

    type: str = msgspec.field(name="daemonType")
    required: bool = True
    healthy: bool | None = None
    last_heartbeat_s: float | None = msgspec.field(name="lastHeartbeatTime", default=None)
    errors: list[_Error] = msgspec.field(name="lastHeartbeatErrors", default_factory=list)

    @property
    def title(self) -> str:
        """As the page says it."""
        return _TITLES.get(self.type, one_line(self.type.lower().replace("_", " ")))


class _Health(msgspec.Struct):
    daemons: list[Daemon] = msgspec.field(name="allDaemonStatuses")


class _Instance(msgspec.Struct):
    health: _Health = msgspec.field(name="daemonHealth")


class _Data(msgspec.Struct):
    instance: _Instance


class _Answer(msgspec.Struct):
    data: _Data


DOWN = "Schedules, sensors and queued runs stand still; runs under way go on."


async def look_at_dagster(url: str | None, limits: DagsterLimits) -> Finding:
    """Ask the UI at `url`, for example `http://127.0.0.1:3000`."""
    if url is None:
        return Finding(Status.DISABLED, "No Dagster is named: set DAGSTER_URL, or start pgfold up.")
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{url.rstrip('/')}/graphql", json={"query": _QUERY}) as answer,
        ):
            body = await answer.content.read(_ANSWER_BYTES)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Finding(Status.UNHEALTHY, f"Dagster at {_where(url)} does not answer: {one_line(error)}.", DOWN)
    if answer.status != 200:
        return Finding(Status.UNHEALTHY, f"Dagster at {_where(url)} answers with status {answer.status}.", DOWN)
    return read_answer(body, url, limits, datetime.now(UTC))


def read_answer(body: bytes, url: str, limits: DagsterLimits, now: datetime) -> Finding:
    """The finding of an answer's body."""
    try:
        daemons = msgspec.json.decode(body, type=_Answer).data.instance.health.daemons
    except msgspec.MsgspecError as error:
        said = f"{_where(url)} does not answer as Dagster 1 does: {one_line(error)}."
        return Finding(Status.UNKNOWN, said, "Look whether DAGSTER_URL names Dagster's UI.")
    return judge(tuple(one for one in daemons if one.required), limits, now)


def judge(daemons: tuple[Daemon, ...], limits: DagsterLimits, now: datetime) -> Finding:
    """The finding of the daemons that Dagster requires."""
    if not daemons:
        return Finding(Status.UNKNOWN, "Dagster names 0 daemons that it needs.", DOWN)
    if silent := [one for one in daemons if one.last_heartbeat_s is None]:
        return Finding(Status.UNHEALTHY, f"No heartbeat yet of {_names(silent)}: start dagster-daemon.", DOWN)
    ages = {one.type: max(0.0, now.timestamp() - (one.last_heartbeat_s or 0)) for one in daemons}
    oldest = max(daemons, key=lambda one: ages[one.type])
    age_s = ages[oldest.type]
    if age_s >= limits.late_s:
        status = Status.UNHEALTHY if age_s >= limits.dead_s else Status.DEGRADED
        late = [one for one in daemons if ages[one.type] >= limits.late_s]
        return Finding(status, f"Last heartbeat of {_names(late)} {duration(age_s)} ago; one is due every 30 s.", DOWN)
    if failing := [one for one in daemons if one.errors]:
        said = f"{_names(failing).capitalize()}: {one_line(failing[0].errors[0].message)}"
        return Finding(Status.DEGRADED, f"{said} (heartbeat {duration(age_s)} ago)", "Some of its runs may not start.")
    said = f"{_names(daemons).capitalize()}: last heartbeat {duration(age_s)} ago."
    return Finding(Status.HEALTHY, said, "Schedules, sensors and runs go their way.")


def _names(daemons: tuple[Daemon, ...] | list[Daemon]) -> str:
    known = [*_TITLES]
    place = {one.type: known.index(one.type) if one.type in known else len(known) for one in daemons}
    return listed([one.title for one in sorted(daemons, key=lambda one: place[one.type])], most=3)


def _where(url: str) -> str:
    """Without the password that an address may hold."""
    return urlsplit(url).netloc.rpartition("@")[2] or "that address"
