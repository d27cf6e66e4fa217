"""A child process with all its children: started so that it can be stopped, and stopped so that none is left."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from pipelines.commands.guardian import Guard


@contextmanager
def stop_signals_raise() -> Iterator[None]:
    """SIGINT and SIGTERM raise KeyboardInterrupt while inside, also where they were ignored when we were started.

    A shell starts background commands with SIGINT ignored, children inherit that, and then nothing stops them. A signal
    with a handler is back to its default in what is executed next (POSIX, exec).
    """

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def child_process(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    guard: Guard,
    *,
    patience_s: float = 15,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command in a process group of its own until the caller leaves; what it prints goes to `log`.

    Then it is asked to stop; whoever of the group is left when it has ended, or `patience_s` later, is killed. Where we
    are killed ourselves, `guard` sees to that.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            process_group=0,  # a Ctrl-C in the terminal reaches us alone, and we stop it in order
        )  # fmt: skip
        with guard.over(process.pid):
            try:
                yield process
            finally:
                _stop(process, patience_s)


def _stop(process: subprocess.Popen[bytes], patience_s: float) -> None:
    try:
        process.send_signal(signal.SIGINT)
        process.wait(patience_s)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        pass
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
