"""`pgfold up`: it starts everything, says where, and leaves nothing running."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from pipelines.cli import main
from pipelines.commands.child import child_process, stop_signals_raise
from pipelines.commands.guardian import guardian, read_groups
from pipelines.database.embedded import stop_unused
from pipelines.settings import Settings
from pipelines.steps.opening import surroundings_of
from tests.fix_dagster import free_port, monitor_ports, processes_of, start_command, wait_for_line

_WAIT_S = 60


@pytest.fixture
def embedded(server_folder: Path) -> Settings:
    """A new folder, and no database."""
    return Settings(None, "public", server_folder, "ada")


def test_a_newcomer_gets_the_sample_and_stops_all_of_it(embedded: Settings) -> None:
    """By Ctrl-C; the session's own `pgfold up` is stopped by SIGTERM."""
    port, own = free_port(), monitor_ports()
    with start_command(embedded, "up", "--port", str(port), background=True, environment=own) as process:
        said = wait_for_line(process, f"http://127.0.0.1:{port}")
        assert f"dashboard   http://127.0.0.1:{own['MONITORING_PORT']}\n" in said
        assert "the sample tables are in it now: pgfold run issues, pgfold run files" in said
        with surroundings_of(embedded) as surroundings, surroundings.connect("test") as connection:
            assert connection.execute("SELECT count(*) FROM public.exai_issues").fetchone() == (11,)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((own_address(), port), timeout=5)
        is_started_again_with_its_history(process, embedded, f"http://127.0.0.1:{own['MONITORING_PORT']}/api/page")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=_WAIT_S)
    assert (process.returncode, errors) == (0, "")
    assert output.splitlines()[-1].startswith("stopped")
    assert processes_of(embedded.folder) == []
    assert not (embedded.embedded / "data/postmaster.pid").exists()


def is_started_again_with_its_history(process: subprocess.Popen[str], settings: Settings, page: str) -> None:
    """The monitor, when it was killed."""
    instance, killed = read(page)["hello"]["instance"], daemon_of(settings)
    os.kill(killed, signal.SIGKILL)
    wait_for_line(process, "monitor     ended by itself (status -9) and is started again")
    wait_until(lambda: read(page)["hello"]["instance"] == instance and daemon_of(settings) != killed)


def daemon_of(settings: Settings) -> int:
    (line,) = (line for line in processes_of(settings.folder) if line.endswith("-m daemon "))
    return int(line.split()[0])


def read(address: str) -> Any:
    try:
        with urlopen(address, timeout=5) as answer:
            return json.load(answer)
    except OSError:
        return {"hello": {"instance": None}}


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def own_address() -> str:
    """Where other machines would reach this one; a loopback address besides the usual where there is no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.2"


def test_a_taken_port_is_named_with_who_has_it(
    embedded: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGFOLD_HOME", str(embedded.folder))
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        status = main(["up", "--port", str(port)])
    said = capsys.readouterr().err
    assert status == 2
    assert said.startswith(f"port {port} is taken by ")
    assert f"(process {os.getpid()})" in said
    assert said.endswith(f"choose another: pgfold up --port {port + 1}\n")
    assert list(embedded.folder.iterdir()) == []


def test_killed_outright_it_leaves_nothing_running(embedded: Settings) -> None:
    """Nobody can catch SIGKILL: what was started must notice by itself that its starter is gone."""
    port, own = free_port(), monitor_ports()
    with start_command(embedded, "up", "--port", str(port), background=True, environment=own) as process:
        wait_for_line(process, f"http://127.0.0.1:{port}")
        assert len(processes_of(embedded.folder)) > 4
        assert (embedded.embedded / "data/postmaster.pid").exists()
        refused = second_up(embedded, port)
        assert f"port {port} is taken by pgfold up (process {process.pid}), which works in this folder" in refused
        assert f"Ctrl-C there stops all of it, or kill {process.pid}" in refused
        process.kill()
        process.wait()
        wait_until(lambda: not processes_of(embedded.folder))
        wait_until(lambda: not (embedded.embedded / "data/postmaster.pid").exists())


def second_up(settings: Settings, port: int) -> str:
    """What another one says in its error output."""
    with start_command(settings, "up", "--port", str(port), environment=monitor_ports()) as process:
        _, errors = process.communicate(timeout=_WAIT_S)
    assert process.returncode == 2
    return errors


def test_what_an_earlier_one_left_is_named_with_how_to_end_it(embedded: Settings) -> None:
    """The guardian was killed too, as by a session that ends with everything in it but what runs in the background."""
    port, own = free_port(), monitor_ports()
    try:
        with start_command(embedded, "up", "--port", str(port), background=True, environment=own) as process:
            wait_for_line(process, f"http://127.0.0.1:{port}")
            (line,) = (line for line in processes_of(embedded.folder) if "pipelines.commands.guardian" in line)
            os.kill(int(line.split()[0]), signal.SIGKILL)
            process.kill()
            process.wait()
            said = second_up(embedded, port)
        assert f"port {port} is taken by what an earlier pgfold up left running in this folder: " in said
        (remedy,) = re.findall(r"kill -INT [0-9 ]+", said.replace("\n", " "))
        subprocess.run(remedy.split(), check=True)
        wait_until(lambda: not processes_of_dagster(embedded))
    finally:
        for line in processes_of(embedded.folder):
            os.kill(int(line.split()[0]), signal.SIGKILL)
        gone(embedded.folder)
        stop_unused(embedded.embedded)


def processes_of_dagster(settings: Settings) -> list[str]:
    return [line for line in processes_of(settings.folder) if "dagster" in line]


def test_a_guardian_knows_what_is_left() -> None:
    assert read_groups([b"+11\n", b"+12\n", b"-11\n", b"+13\n", b"-1"]) == [12, 13]


STUBBORN = """
import signal, subprocess, sys, time
for each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(each, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; print('grandchild', flush=True); time.sleep(600)"])
time.sleep(600)
"""
POLITE = "import time; print('grandchild', flush=True); time.sleep(600)"


@pytest.mark.parametrize("program", [STUBBORN, POLITE], ids=["stubborn", "polite"])
def test_a_child_is_stopped_with_its_children_whatever_it_ignores(tmp_path: Path, program: str) -> None:
    environment = {**os.environ, "PGFOLD_HOME": str(tmp_path)}
    log = tmp_path / "log"
    with stop_signals_raise():
        command = [sys.executable, "-c", program]
        with (
            guardian(tmp_path, tmp_path / "none", os.environ) as guard,
            child_process(command, tmp_path, environment, log, guard, patience_s=0.2) as process,
        ):
            wait_until_written(log, "grandchild")
            assert len(processes_of(tmp_path)) == (2 if program == STUBBORN else 1)
    assert process.returncode in (-signal.SIGKILL, -signal.SIGINT, 1)
    assert gone(tmp_path)


def wait_until_written(log: Path, part: str) -> None:
    deadline = time.monotonic() + _WAIT_S
    while part not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gone(folder: Path) -> bool:
    """A killed grandchild is init's to bury: that may take a moment."""
    deadline = time.monotonic() + _WAIT_S
    while processes_of(folder):
        assert time.monotonic() < deadline, processes_of(folder)
        time.sleep(0.02)
    return True


def test_signals_raise_also_where_they_were_ignored_and_are_as_before_afterwards() -> None:
    code = (
        "import os, signal\n"
        "from pipelines.commands.child import stop_signals_raise\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "with stop_signals_raise():\n"
        "    try: os.kill(os.getpid(), signal.SIGINT); print('ignored')\n"
        "    except KeyboardInterrupt: print('raised')\n"
        "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["raised", "True"]
