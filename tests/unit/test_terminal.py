"""The terminal shows one line a step; colours, and a bar that moves, are for terminals alone."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from pipelines.core.plan_text import plan_lines
from pipelines.core.report import Status
from pipelines.core.wording import width_of
from pipelines.terminal import Terminal
from tests.reports import issues_plan
from tests.unit.test_plan_text import FINDINGS

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    time_s: float = 0.0

    def __call__(self) -> float:
        return self.time_s


class Pty:
    """A pseudo-terminal that is so many columns wide, and what was written to it."""

    def __init__(self, columns: int) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.stream = os.fdopen(slave, "w", encoding="utf-8")

    def read(self) -> str:
        """All that was written since the last read."""
        self.stream.flush()
        os.set_blocking(self._master, False)
        parts = []
        try:
            while part := os.read(self._master, 65536):
                parts.append(part)
        except BlockingIOError:
            pass
        return b"".join(parts).decode().replace("\r\n", "\n")

    def close(self) -> None:
        self.stream.close()
        os.close(self._master)


@contextmanager
def pseudo_terminal(columns: int) -> Iterator[Pty]:
    made = Pty(columns)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(autouse=True)
def a_usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def plain(act: Callable[[Terminal], None], clock: Clock | None = None) -> str:
    stream = io.StringIO()
    with Terminal(stream, clock or Clock()) as terminal:
        act(terminal)
    return stream.getvalue()


def run(terminal: Terminal) -> None:
    terminal.step("plan", "3f9a1c, 15 rows proven", 0.1)
    terminal.step("add_columns", "source_system, priority", 0.02)
    terminal.step("verify", "2 of 15 rows differ", 76, Status.FAILED)


RUN = """\
  plan        3f9a1c, 15 rows proven                                                           0.1 s
  add columns source_system, priority                                                          0.0 s
  verify      2 of 15 rows differ                                                         1 min 16 s
"""


def test_without_a_terminal_everything_is_plain() -> None:
    assert plain(run) == RUN


def test_on_a_terminal_the_step_has_the_colour_of_its_state() -> None:
    with pseudo_terminal(120) as terminal:
        run(Terminal(terminal.stream))
        shown = terminal.read()
    assert ESCAPE.sub("", shown) == RUN
    assert re.findall(r"\x1b\[(\d+)m([^\x1b]+)\x1b\[0m", shown) == [
        ("32", "plan"), ("32", "add columns"), ("31", "verify"),
    ]  # fmt: skip


@pytest.mark.parametrize("variable", ["NO_COLOR", "TERM"])
def test_a_terminal_that_wants_no_colour_gets_none(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, {"NO_COLOR": "1", "TERM": "dumb"}[variable])
    with pseudo_terminal(120) as terminal:
        run(Terminal(terminal.stream))
        assert terminal.read() == RUN


def test_a_plan_fits_into_eighty_columns() -> None:
    with pseudo_terminal(80) as terminal:
        made = Terminal(terminal.stream)
        made.say_all(plan_lines(issues_plan(), made.width))
        made.refuse(FINDINGS)
        made.step("export", "5 tables, 209 rows, backups/issues/20261124T201500Z-7c2e-sealed-and-kept-elsewhere", 0.3)
        shown = ESCAPE.sub("", terminal.read()).splitlines()
    assert [line for line in shown if width_of(line) > 80] == []
    assert any("fix_implementation_details text" in line for line in shown)
    assert shown[-2].split() == ["export", "5", "tables,", "209", "rows,", "0.3", "s"]
    assert shown[-1].strip() == "backups/issues/20261124T201500Z-7c2e-sealed-and-kept-elsewhere"


def test_refusals_and_what_is_lossy_are_coloured_and_names_are_not() -> None:
    with pseudo_terminal(120) as terminal:
        made = Terminal(terminal.stream)
        made.say_all(plan_lines(issues_plan(), made.width))
        made.refuse(FINDINGS)
        shown = terminal.read()
    coloured = re.findall(r"\x1b\[(\d+)m *(\w+)", shown)
    assert ("31", "refused") in coloured
    assert {word for colour, word in coloured if colour == "33"} == {"category", "status", "lossy", "warning"}


def test_the_running_step_tells_rows_a_second_and_time_left() -> None:
    clock = Clock()
    with pseudo_terminal(100) as terminal, Terminal(terminal.stream, clock) as made:
        made.progress("map_fields", 0, 1_500_000)
        clock.time_s = 10
        made.progress("map_fields", 500_000, 1_500_000)
        shown = ESCAPE.sub("", terminal.read())
    assert "map fields" in shown
    assert "500,000 / 1,500,000 rows, 50,000 rows/s, 20.0 s left" in shown


def test_a_step_that_goes_on_counts_only_what_it_did_itself() -> None:
    clock = Clock()
    with pseudo_terminal(100) as terminal, Terminal(terminal.stream, clock) as made:
        made.progress("map_fields", 1_000_000, 1_500_000)
        clock.time_s = 10
        made.progress("map_fields", 1_100_000, 1_500_000)
        assert "10,000 rows/s, 40.0 s left" in terminal.read()


def test_the_bar_leaves_when_the_step_is_over() -> None:
    with pseudo_terminal(100) as terminal:
        made = Terminal(terminal.stream, Clock())
        made.progress("map_fields", 5, 15, "waits for a lock")
        terminal.read()
        made.step("map_fields", "15 / 15 rows", 0.4)
        shown = terminal.read()
    # The cursor is shown again, the bar's line is cleared, and the step's stands in its place.
    assert "\x1b[?25h" in shown
    assert "\x1b[2K" in shown
    assert ESCAPE.sub("", shown).splitlines()[-1].split() == ["map", "fields", "15", "/", "15", "rows", "0.4", "s"]


def interrupted(terminal: Terminal) -> None:
    with terminal:
        terminal.progress("map_fields", 5, 15)
        raise KeyboardInterrupt


def test_the_cursor_comes_back_when_a_step_fails() -> None:
    with pseudo_terminal(100) as terminal:
        made = Terminal(terminal.stream, Clock())
        with pytest.raises(KeyboardInterrupt):
            interrupted(made)
        assert terminal.read().rindex("\x1b[?25h") > 0


def test_a_fast_step_does_not_redraw_for_every_batch() -> None:
    clock = Clock()
    with pseudo_terminal(100) as terminal, Terminal(terminal.stream, clock) as made:
        for rows in range(1000):
            clock.time_s = rows / 10_000
            made.progress("map_fields", rows, 1000)
        assert terminal.read().count("map fields") < 10


def test_elsewhere_a_long_step_says_how_far_it_is_twice_a_minute() -> None:
    clock = Clock()

    def act(terminal: Terminal) -> None:
        for time_s in range(0, 100, 5):
            clock.time_s = time_s
            terminal.progress("map_fields", time_s * 1000, 200_000)

    assert plain(act, clock).splitlines() == [
        "  map fields  30,000 / 200,000 rows, 1,000 rows/s, 2 min 50 s left",
        "  map fields  60,000 / 200,000 rows, 1,000 rows/s, 2 min 20 s left",
        "  map fields  90,000 / 200,000 rows, 1,000 rows/s, 1 min 50 s left",
    ]


def test_a_step_without_rows_says_what_it_waits_for() -> None:
    clock = Clock()

    def act(terminal: Terminal) -> None:
        terminal.progress("cut_over", 0, None, "try 1")
        clock.time_s = 31
        terminal.progress("cut_over", 0, None, "waits for locks, try 3")

    assert plain(act, clock) == "  cut over    waits for locks, try 3\n"


def test_what_a_database_says_cannot_steer_the_terminal() -> None:
    shown = plain(lambda terminal: terminal.step("ex\x1b[2Jport", "table \x1b]0;title\x07 done", 0))
    assert "\x1b" not in shown
    assert "\\x1b[2Jport" in shown
