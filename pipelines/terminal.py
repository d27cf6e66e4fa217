"""The terminal: one line a step, a bar with rows a second and time left for the running one. Colour marks state alone.

Where the stream is no terminal, everything is plain text and a long step says how far it is twice a minute.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from pipelines.core.findings import Finding
from pipelines.core.plan_text import line_status, refusal_lines
from pipelines.core.report import Status
from pipelines.core.text_lines import WIDTH, wrapped
from pipelines.core.wording import counted, number, padded, rate, took, visible, width_of

_STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAILED: "red", Status.UNKNOWN: "dim"}
_LABEL = 11
_WIDEST = 100  # of a step's line: times far to the right are hard to read
_EVERY_S = {True: 0.1, False: 30.0}  # how often the bar moves on a terminal, and a line is written elsewhere


@dataclass(slots=True)
class _Running:
    """The step that is under way: since when, from how many rows on, and what was shown last."""

    name: str
    started: float
    rows_before: int
    shown: float | None = None
    bar: tuple[Progress, TaskID] | None = None


class _Screen(Console):
    """A console whose reader may go away (head, a pager): the work goes on unseen, for its exit status still counts."""

    def on_broken_pipe(self) -> None:
        """Write to nobody from now on."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


class Terminal:
    """Where a command writes; `clock` counts seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._console = _Screen(
            file=stream, force_terminal=self._is_terminal, width=self.width, highlight=False, markup=False, emoji=False
        )
        self._running: _Running | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rest()

    @property
    def width(self) -> int:
        """Columns of the terminal; elsewhere as many as a page of text may have."""
        if not self._is_terminal:
            return WIDTH
        try:
            return max(os.get_terminal_size(self._stream.fileno()).columns, 40)
        except OSError:
            return 80

    def say(self, line: str = "", status: Status | None = None) -> None:
        """One line, never wrapped: what is longer was made so on purpose."""
        self.rest()
        self._write(line, status)

    def say_all(self, lines: Iterable[str]) -> None:
        """Lines of a plan, a refusal or a verdict, in the colour of the state they tell."""
        for line in lines:
            self.say(line, line_status(line))

    def document(self, text: str) -> None:
        """JSON for a program, as it is."""
        self.rest()
        self._console.out(text, highlight=False)

    def step(self, name: str, sentence: str, seconds: float, status: Status = Status.OK) -> None:
        """A step that is over: its name, what it did, and how long it took."""
        self.rest()
        time_words = took(seconds)
        room = min(self.width, _WIDEST) - width_of(time_words) - 2
        first, *others = wrapped(visible(sentence), room, _label(name), " " * (_LABEL + 3))
        self._write(f"{padded(first, room)}  {time_words}", None, name, status)
        for line in others:
            self._write(line, None)

    def progress(self, name: str, rows_done: int, rows_total: int | None, note: str = "") -> None:
        """How far the running step is; another name begins another step."""
        now = self._clock()
        if self._running is None or self._running.name != name:
            self.rest()
            self._running = _Running(name, now, rows_done, None if self._is_terminal else now)
        running = self._running
        if running.shown is not None and now - running.shown < _EVERY_S[self._is_terminal]:
            return
        running.shown = now
        words = _how_far(rows_done, rows_total, rows_done - running.rows_before, now - running.started, note)
        if self._is_terminal:
            self._move_bar(running, rows_done, rows_total, words)
        else:
            self._write(f"{_label(name)}{words}", None)

    def refuse(self, findings: Iterable[Finding], file_label: str = "defs.yaml") -> None:
        """Everything that stands in the way."""
        self.say_all(refusal_lines(findings, file_label, self.width))

    def rest(self) -> None:
        """Take the bar away: no step is under way."""
        if self._running is not None and self._running.bar is not None:
            self._running.bar[0].stop()
        self._running = None

    def _move_bar(self, running: _Running, done: int, total: int | None, words: str) -> None:
        self._console.width = self.width
        if running.bar is None:
            made = _bar(self._console)
            running.bar = (made, made.add_task("", label=_label(running.name)[:-1], words=words))
            made.start()
        progress, task = running.bar
        progress.update(task, completed=done, total=total, words=words)
        progress.refresh()

    def _write(self, line: str, status: Status | None, name: str = "", name_status: Status | None = None) -> None:
        """A line in the colour of a state, or with a step's name in it."""
        text = Text(line, style=_STYLES[status] if status else "", no_wrap=True, overflow="ignore", end="\n")
        if name and name_status:
            text.stylize(_STYLES[name_status], 2, 2 + len(_shown(name)))
        self._console.print(text, soft_wrap=True)


def _bar(console: Console) -> Progress:
    """Drawn when it is told to: no thread of its own, so nothing is left running when a step fails."""
    return Progress(
        TextColumn("{task.fields[label]}", markup=False),
        BarColumn(20, style="dim", complete_style="", finished_style="", pulse_style="dim"),
        TextColumn("{task.fields[words]}", markup=False),
        console=console,
        auto_refresh=False,
        transient=True,
    )


def _shown(name: str) -> str:
    return visible(name.replace("_", " "))


def _label(name: str) -> str:
    return f"  {padded(_shown(name), _LABEL)} "


def _how_far(done: int, total: int | None, gained: int, elapsed_s: float, note: str) -> str:
    """`120,000 / 1,496,716 rows, 52,300 rows/s, 26.3 s left`."""
    rows = f"{number(done)} / {counted(total, 'row')}" if total is not None else counted(done, "row") if done else ""
    pace = gained / elapsed_s if elapsed_s > 0 and gained > 0 else None
    left = [f"{took((total - done) / pace)} left"] if pace and total is not None and total > done else []
    words = (rows, rate(pace) if pace else "", *left, visible(note))
    return ", ".join(word for word in words if word)
