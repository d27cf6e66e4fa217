"""What `pgfold up` started in a folder, as the machine tells it (only Linux does): what still runs, and whose it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROCESSES = Path("/proc")
_GUARDIAN = "pipelines.commands.guardian"


@dataclass(frozen=True, slots=True)
class Started:
    """The first process of a group, its command line, and who started it, as far as that one still runs."""

    id: int
    command: str
    parent: int

    @property
    def name(self) -> str:
        """`dagster`, of `python -m dagster dev ...`."""
        words = self.command.split()
        return words[words.index("-m") + 1] if "-m" in words[:-1] else Path(words[0]).name


def works_in(process: int, home: Path) -> bool:
    """Whether a process belongs to this Dagster home, as its environment says."""
    with suppress(OSError):  # it ended meanwhile, or is another user's
        variables = (_PROCESSES / str(process) / "environ").read_bytes().split(b"\0")
        return b"DAGSTER_HOME=" + os.fsencode(home) in variables
    return False


def told(home: Path) -> str:
    """Who still works in this home and how to end it, for a message that says that they are in the way."""
    started = [*_started(home)]
    running = next((s.parent for s in started if _is_up(s.parent)), None)
    if running is not None:
        return (
            f"pgfold up (process {running}), which works in this folder: Ctrl-C there stops all of it,"
            f" or kill {running}"
        )
    if any(_GUARDIAN in s.command for s in started):
        return "what an earlier pgfold up started: it was killed, and that is being stopped: try again in a moment"
    listed = ", ".join(f"{s.name} (process {s.id})" for s in started)
    return (
        f"what an earlier pgfold up left running in this folder: {listed}:"
        f" kill -INT {' '.join(str(s.id) for s in started)}"
    )


def _started(home: Path) -> Iterator[Started]:
    """Those that `pgfold up` started itself, each first in a group of its own; their children end with them."""
    numbers = sorted(int(path.name) for path in _PROCESSES.iterdir() if path.name.isdigit())
    for number in (n for n in numbers if works_in(n, home)):
        with suppress(OSError, ValueError):
            parent, group = _family(number)
            if group == number:
                yield Started(number, _command(number), parent)


def _family(process: int) -> tuple[int, int]:
    """Parent and process group: the second and third field after the name, which may hold anything (proc(5))."""
    fields = (_PROCESSES / str(process) / "stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), int(fields[2])


def _command(process: int) -> str:
    return (_PROCESSES / str(process) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def _is_up(process: int) -> bool:
    with suppress(OSError):
        words = _command(process).split()
        return "up" in words and any("pgfold" in word or word == "pipelines.cli" for word in words)
    return False
