"""The command in a shell: piped, on terminals of every width, without colours, and stopped by Ctrl-C or a signal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree

import psycopg
import pytest

from pipelines.orchestration.home import environment_of
from tests.databases import Database
from tests.dump import dump
from tests.fix_command import PASSWORD, Counter
from tests.fix_dagster import heed_interrupts

ROOT = Path(__file__).parents[2]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
WAITING_S = 60


@contextmanager
def started(counter: Counter, *arguments: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """`pgfold` as a shell starts it."""
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        cwd=counter.folder,
        env=environment(counter),
        text=True,
        preexec_fn=heed_interrupts,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},  # type: ignore[call-overload]
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def environment(counter: Counter, **more: str) -> dict[str, str]:
    return environment_of(counter.shop.settings, {**os.environ, "PYTHONPATH": str(ROOT), **more})


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = (said or "" for said in process.communicate(timeout=WAITING_S))
    assert "Traceback" not in output + errors, output + errors
    assert PASSWORD not in output + errors
    return process.returncode, output, errors


def test_a_reader_that_goes_away_stops_nothing(counter: Counter) -> None:
    """As in `pgfold run orders | head -1`."""
    with started(counter, "run", "orders") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("  plan ")
        process.stdout.close()
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait(WAITING_S)) == ("", 0)
    assert counter.shop.titles() == [(1, "a shelf"), (11, "a lamp"), (12, "a chair"), (13, "a table")]


@pytest.mark.parametrize("arguments", [("plan", "orders", "--sql"), ("status", "--json")])
def test_a_pipe_that_is_closed_at_once_is_no_error(counter: Counter, arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with started(counter, *arguments, stdout=writing) as process:
        os.close(writing)
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait(WAITING_S)) == ("", 0)


def test_help_may_be_read_in_part() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "pipelines.cli", "--help"], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode in (0, 141)  # argparse itself keeps silent where the stream has no buffer


def test_closed_streams_are_as_good_as_none(counter: Counter) -> None:
    shell = f"exec {sys.executable} -m pipelines.cli status >&- 2>&-"
    done = subprocess.run(["/bin/sh", "-c", shell], cwd=counter.folder, env=environment(counter))
    assert done.returncode == 0


def test_an_output_on_a_full_disk_is_said(counter: Counter) -> None:
    with Path("/dev/full").open("w") as full, started(counter, "status", stdout=full) as process:
        status, _, errors = ended(process)
    assert status == 1
    assert errors.startswith("No space left on device")


def test_an_output_that_cannot_encode_a_character_writes_it_out(counter: Counter) -> None:
    folder = counter.folder / "bäckups"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "backups"], capture_output=True, cwd=folder,
        env=environment(counter, PYTHONIOENCODING="ascii") | {"PGFOLD_HOME": str(folder)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"b\\xe4ckups" in done.stdout


class Screen:
    """`pgfold` on a terminal that is so many columns wide: what it shows, and how it ends."""

    def __init__(self, counter: Counter, columns: int, *arguments: str, more: Mapping[str, str] | None = None) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        command = [sys.executable, "-m", "pipelines.cli", *arguments]
        own = environment(counter, TERM="xterm", **(more or {}))
        self._process = subprocess.Popen(
            command, cwd=counter.folder, env=own, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)

    def read(self) -> tuple[int, str]:
        """Its exit status, and all it showed."""
        shown = b""
        with suppress(OSError):  # EIO: the last one to hold the terminal has closed it
            while part := os.read(self._master, 65536):
                shown += part
        os.close(self._master)
        return self._process.wait(WAITING_S), shown.decode().replace("\r\n", "\n")


def test_a_terminal_has_colours_unless_it_is_asked_for_none(counter: Counter) -> None:
    counter.fold()
    status, shown = Screen(counter, 100, "status").read()
    assert (status, COLOUR.search(shown) is not None) == (0, True)
    status, plain = Screen(counter, 100, "status", more={"NO_COLOR": "1"}).read()
    assert (status, COLOUR.search(plain)) == (0, None)
    assert "\x1b" not in counter.done("status")


def test_a_plan_fits_a_narrow_terminal(counter: Counter) -> None:
    status, shown = Screen(counter, 40, "plan", "orders").read()
    assert status == 0
    told = COLOUR.sub("", shown).splitlines()
    words = " ".join(" ".join(told).split())
    assert "Nothing was changed. Next: pgfold run orders" in words
    assert [line for line in told if len(line) > 60] == []


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAITING_S
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def waits_for_a_lock(database: Database) -> bool:
    """Whether a session of the command waits for one, or between two tries."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'pgfold%' AND wait_event_type = 'Lock'"
        ).fetchone()
    return row is not None and row[0] != 0


@contextmanager
def locked(database: Database, table: str, mode: str = "ACCESS EXCLUSIVE") -> Iterator[None]:
    """An application that holds a table."""
    with psycopg.connect(database.url) as connection:
        connection.execute(f"LOCK TABLE {table} IN {mode} MODE".encode())
        yield
        connection.rollback()


STOPPED = "stopped; what was committed stays, run it again to go on\n"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGHUP])
def test_a_plan_that_is_stopped_says_so_and_nothing_more(counter: Counter, sent: signal.Signals) -> None:
    with counter.untouched(), locked(counter.database, "web_orders"), started(counter, "plan", "orders") as process:
        wait_until(lambda: waits_for_a_lock(counter.database))
        process.send_signal(sent)
        assert ended(process) == (130, "", STOPPED)


@pytest.mark.parametrize("mode", ["ROW EXCLUSIVE", "ACCESS SHARE"])
def test_a_run_that_is_stopped_goes_on_when_it_is_run_again(counter: Counter, mode: str) -> None:
    """A writer keeps the capture from being made, a reader keeps the cut-over from happening."""
    with locked(counter.database, "web_orders", mode), started(counter, "run", "orders") as process:
        wait_until(lambda: waits_for_a_lock(counter.database))
        process.send_signal(signal.SIGINT)
        status, _, errors = ended(process)
        assert (status, errors) == (130, STOPPED)
    assert counter.database.value("SELECT count(*) FROM web_orders") == 3
    counter.database.run("UPDATE web_orders SET label = 'a better lamp' WHERE order_no = 11")
    assert "Folded: 4 rows" in counter.done("run", "orders")
    assert (11, "a better lamp") in counter.shop.titles()


def test_a_rollback_that_is_stopped_changes_nothing_and_can_be_run_again(counter: Counter) -> None:
    counter.fold()
    before = dump(counter.database)
    with locked(counter.database, "orders", "ACCESS SHARE"), started(counter, "rollback", "orders") as process:
        wait_until(lambda: waits_for_a_lock(counter.database))
        process.send_signal(signal.SIGINT)
        status, _, errors = ended(process)
        assert (status, errors) == (130, STOPPED)
    assert dump(counter.database) == before
    assert "3 rows home" in counter.done("rollback", "orders")


@pytest.mark.parametrize("arguments", [("backup", "orders"), ("drop", "orders", "--now")])
def test_other_commands_that_are_stopped_leave_all_as_it_was(counter: Counter, arguments: tuple[str, ...]) -> None:
    counter.fold()
    counter.done("approve", "orders", "drop")
    table = "pgfold_orders_public.web_orders" if arguments[0] == "drop" else "orders"
    folders = sorted(counter.folder.glob("backups/orders/*"))
    before = dump(counter.database)
    with locked(counter.database, table), started(counter, *arguments) as process:
        wait_until(lambda: waits_for_a_lock(counter.database))
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, "", STOPPED)
    assert (dump(counter.database), sorted(counter.folder.glob("backups/orders/*"))) == (before, folders)
    counter.done(*arguments)


def test_the_demo_shows_the_whole_way_and_leaves_nothing_running(counter: Counter) -> None:
    with started(counter, "demo") as process:
        status, output, errors = ended(process)
    assert (status, errors) == (0, "")
    assert output.count("0 other lines of") == 2
    assert output.count("1 edited row differs") == 2
    report = Path(re.findall(r"Look at the evidence: (.*)", output)[0])
    assert report.is_file()
    assert servers_in(report.parents[3]) == []
    rmtree(report.parents[3])  # it stays, so that a person can look at it


def test_a_demo_that_is_stopped_leaves_nothing_running(counter: Counter) -> None:
    with started(counter, "demo") as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "/pgfold-demo-" in line)
        process.send_signal(signal.SIGTERM)
        status, _, errors = ended(process)
    assert (status, errors) == (130, STOPPED)
    folder = Path(re.findall(r"(/\S*pgfold-demo-\w+)", line)[0])
    assert servers_in(folder) == []
    rmtree(folder)


def servers_in(folder: Path) -> list[str]:
    """The servers whose working folder is below this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            if (process / "cwd").resolve().is_relative_to(folder):
                found.append((process / "comm").read_text())
    return found
