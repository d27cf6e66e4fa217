"""`pgfold up`: database, Dagster UI and daemons, monitor and dashboard, in one terminal; Ctrl-C stops all of them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from contextlib import AbstractContextManager, ExitStack, closing
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from pipelines.commands.child import child_process, stop_signals_raise
from pipelines.commands.guardian import Guard, guardian
from pipelines.commands.monitor import Monitor, Watch, demo_application, is_monitored, last_words, monitor_process
from pipelines.commands.ports import HOST, need_free_port
from pipelines.core.errors import StepFailed
from pipelines.database.connection import Connection, name_database
from pipelines.database.named_sql import load_sql
from pipelines.orchestration.home import WORKSPACE, environment_of, prepare_home, write_address
from pipelines.sample import sample_sql
from pipelines.settings import Settings
from pipelines.steps.opening import surroundings_of
from pipelines.steps.surroundings import Surroundings

_SQL = load_sql("pipelines.commands", "up.sql")
_READY_S = 120
_POLL_S = 0.1
_ANSWER_S = 5
_BRIEF_S = 5
LOG = "up.log"


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Start everything, say where it is, and wait for Ctrl-C or SIGTERM.

    Raises:
        SpecError: the port is taken.
        StepFailed: Dagster ended by itself; the message has its last words.
    """
    need_free_port(asked.port, "pgfold up", settings.dagster_home)
    home = prepare_home(settings)
    try:
        with (
            stop_signals_raise(),
            _guardian(settings) as guard,
            surroundings_of(settings) as surroundings,
            ExitStack() as stack,
        ):
            _say("database", *_prepare_database(settings, surroundings))
            process = stack.enter_context(_dagster(settings, home, asked.port, guard))
            watch = _watch_of(asked, settings, home, surroundings.database_url, guard)
            monitor = stack.enter_context(monitor_process(watch)) if watch else None
            if monitor is not None:
                _say("dashboard", monitor.address)
            if monitor is not None and asked.demo:
                stack.enter_context(demo_application(monitor))
                _say("demo", "an application is at work, so that the dashboard has something to show")
            _wait_until_ready(process, asked.port, home)
            write_address(home, f"http://{HOST}:{asked.port}")
            _say("dagster", f"http://{HOST}:{asked.port}", "Ctrl-C stops everything.")
            _attend(process, monitor, stack)
            raise StepFailed(f"Dagster ended by itself:\n{last_words(home / LOG)}")
    except KeyboardInterrupt:
        _say("stopped", "what was committed stays")
        return 0


def _guardian(settings: Settings) -> AbstractContextManager[Guard]:
    return guardian(settings.folder, settings.embedded, environment_of(settings, os.environ))


def _watch_of(
    asked: argparse.Namespace, settings: Settings, home: Path, database_url: str, guard: Guard
) -> Watch | None:
    if asked.no_monitor or not is_monitored(os.environ):
        return None
    return Watch(settings, home, database_url, f"http://{HOST}:{asked.port}", guard)


def _attend(process: subprocess.Popen[bytes], monitor: Monitor | None, stack: ExitStack) -> None:
    """Until Dagster ends. A monitor that ended is started again: folds go on without it, and unseen."""
    while process.poll() is None:
        if monitor is not None and monitor.process.poll() is not None:
            monitor = _start_again(monitor, stack)
        time.sleep(_POLL_S)


def _start_again(ended: Monitor, stack: ExitStack) -> Monitor | None:
    """One that ends twice at once is left alone."""
    status = ended.process.returncode
    if time.monotonic() - ended.since < _BRIEF_S:
        _say("monitor", f"ended again (status {status}) and is left alone: {ended.log}")
        return None
    _say("monitor", f"ended by itself (status {status}) and is started again; its last words: {ended.log}")
    try:
        return stack.enter_context(monitor_process(ended.watch))
    except StepFailed as error:
        _say("monitor", str(error))
        return None


def _prepare_database(settings: Settings, surroundings: Surroundings) -> tuple[str, ...]:
    """Say which database it is; a new embedded one gets the sample, so that there is something to fold."""
    with closing(surroundings.connect("up")) as connection:
        if settings.database_url is not None:
            return (name_database(settings.database_url),)
        where = f"embedded PostgreSQL in {settings.embedded}"
        if _has_tables(connection):
            return (where,)
        _load_sample(connection)
        return (where, "it was empty, so the sample tables are in it now: pgfold run issues, pgfold run files")


def _has_tables(connection: Connection) -> bool:
    row = connection.execute(_SQL["has_tables"].encode()).fetchone()
    return row is not None and row[0] is True


def _load_sample(connection: Connection) -> None:
    with connection.transaction():
        for script in sample_sql():
            connection.execute(script.encode())


def _dagster(
    settings: Settings, home: Path, port: int, guard: Guard
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "dagster", "dev", "--workspace", str(home / WORKSPACE)]
    command += ["--host", HOST, "--port", str(port), "--log-level", "warning", "--code-server-log-level", "warning"]
    return child_process(command, settings.folder, environment_of(settings, os.environ), home / LOG, guard)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, home: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while not _answers(port):
        if process.poll() is not None:
            raise StepFailed(f"Dagster did not start:\n{last_words(home / LOG)}")
        if time.monotonic() > deadline:
            raise StepFailed(f"Dagster did not answer within {_READY_S} s:\n{last_words(home / LOG)}")
        time.sleep(_POLL_S)


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://{HOST}:{port}/server_info", timeout=_ANSWER_S) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException):
        return False


def _say(what: str, *lines: str) -> None:
    sys.stdout.write(f"{what:<10}  {lines[0]}\n" + "".join(f"{'':<10}  {line}\n" for line in lines[1:]))
    sys.stdout.flush()
