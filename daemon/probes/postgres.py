"""Postgres: does it answer a new connection, how soon, and how much of it is in use."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from daemon.named_sql import load_sql
from daemon.probes.finding import Finding, Status
from daemon.wording import counted, duration, one_line

_SQL = load_sql("daemon.probes", "postgres.sql")
_NAME = "pgfold health"


@dataclass(frozen=True, slots=True)
class PostgresLimits:
    """From where on Postgres is degraded; times in seconds, shares from 0 to 1."""

    slow_s: float = 0.5
    connections_high: float = 0.8
    connections_full: float = 0.97  # then it is unhealthy: the next client is turned away
    transaction_s: float = 300
    replication_lag_s: float = 30


@dataclass(frozen=True, slots=True)
class Activity:
    """One answer of the server's; `longest_*` are of the oldest open transaction, None where there is none."""

    connections: int
    most_connections: int
    waiting_for_locks: int
    longest_pid: int | None
    longest_user: str | None
    longest_application: str | None
    longest_s: float | None
    replication_lag_s: float | None


async def look_at_postgres(conninfo: str | None, limits: PostgresLimits, timeout_s: float) -> Finding:
    """Connect anew, as an application would, and ask once."""
    if conninfo is None:
        return Finding(Status.DISABLED, "No database is named: set DATABASE_URL.")
    began = time.perf_counter()
    try:
        activity = await _ask(conninfo, timeout_s)
    except psycopg.Error as error:
        return Finding(Status.UNHEALTHY, f"Postgres refused after {_since(began)}: {one_line(error)}", DOWN)
    return judge(activity, time.perf_counter() - began, limits)


DOWN = "Applications cannot read or write; what they try fails."


def judge(activity: Activity, latency_s: float, limits: PostgresLimits) -> Finding:
    """The finding of an answer that took so long."""
    in_use = f"{activity.connections:,} of {activity.most_connections:,} connections in use"
    answers = f"Answers in {duration(latency_s)}; {in_use}."
    for status, said, meaning in _troubles(activity, latency_s, limits):
        return Finding(status, f"{said} {answers}", meaning, latency_s)
    return Finding(Status.HEALTHY, answers, "Applications read and write as usual.", latency_s)


def _troubles(activity: Activity, latency_s: float, limits: PostgresLimits) -> list[tuple[Status, str, str]]:
    share = activity.connections / max(1, activity.most_connections)
    found: list[tuple[Status, str, str]] = []
    if share >= limits.connections_full:
        found.append((Status.UNHEALTHY, "No connection is left.", "New connections are turned away."))
    elif share >= limits.connections_high:
        found.append((Status.DEGRADED, "Connections run out.", "Soon new connections may be turned away."))
    if latency_s >= limits.slow_s:
        found.append((Status.DEGRADED, f"Slow: more than {duration(limits.slow_s)}.", "Every request waits longer."))
    if activity.longest_s is not None and activity.longest_s >= limits.transaction_s:
        found.append((Status.DEGRADED, _longest(activity), "It holds its locks, and dead rows are kept."))
    lag_s = activity.replication_lag_s
    if lag_s is not None and lag_s >= limits.replication_lag_s:
        found.append((Status.DEGRADED, f"A standby is {duration(lag_s)} behind.", "What is read there is old."))
    return found


def _longest(activity: Activity) -> str:
    who = one_line(activity.longest_application or activity.longest_user or "somebody")
    waiting = counted(activity.waiting_for_locks, "session")
    return f"A transaction of {who} (pid {activity.longest_pid}) is open for {duration(activity.longest_s or 0)};" \
        f" {waiting} wait for locks."  # fmt: skip


async def _ask(conninfo: str, timeout_s: float) -> Activity:
    """No startup `options`: poolers refuse them, and what is asked waits for no lock."""
    connection = await psycopg.AsyncConnection.connect(
        conninfo,
        autocommit=True,
        application_name=_NAME,
        connect_timeout=max(2, round(timeout_s)),
        prepare_threshold=None,
    )
    async with connection, connection.cursor(row_factory=class_row(Activity)) as cursor:
        await cursor.execute(_SQL["activity"])
        found = await cursor.fetchone()
        assert found is not None
        return found


def _since(began: float) -> str:
    return duration(time.perf_counter() - began)
