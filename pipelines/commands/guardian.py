"""The guardian of `pgfold up`: it ends what was started when whoever started it was killed, and could not.

    python -m pipelines.commands.guardian EMBEDDED_FOLDER

It reads `+4711` and `-4711`, ids of process groups that began and ended, from a pipe that nobody else holds the other
end of. The kernel closes that pipe when its writer ends, however it ends. Then every group that is left is asked to
stop, and killed where it does not; then the embedded server stops, unless somebody else uses it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PATIENCE_S = 15
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Guard:
    """The writing end of a guardian's pipe."""

    pipe: IO[bytes]

    @contextmanager
    def over(self, group: int) -> Iterator[None]:
        """While inside, the process group is ended where this process is killed."""
        self._say(f"+{group}")
        try:
            yield
        finally:
            self._say(f"-{group}")

    def _say(self, line: str) -> None:
        with suppress(OSError):  # the guardian was killed: what it guards runs on
            self.pipe.write(f"{line}\n".encode())
            self.pipe.flush()


@contextmanager
def guardian(folder: Path, embedded: Path, environment: Mapping[str, str]) -> Iterator[Guard]:
    """A guardian at work in `folder`; it has ended when the caller has left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.commands.guardian", str(embedded)],
        cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        process_group=0,  # a Ctrl-C in the terminal is not for it
    )  # fmt: skip
    assert process.stdin is not None
    try:
        yield Guard(process.stdin)
    finally:
        with suppress(OSError):
            process.stdin.close()
        process.wait()


def main() -> None:
    """Wait until the pipe ends, then end what is left."""
    left = read_groups(sys.stdin.buffer)
    for group in left:
        with suppress(ProcessLookupError):
            os.kill(group, signal.SIGINT)
    for group in left:
        _wait_until_ended(group)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    _stop_embedded(Path(sys.argv[1]))


def read_groups(lines: Iterable[bytes]) -> list[int]:
    """The groups that began and did not end, in the order they began."""
    groups: dict[int, None] = {}
    for line in lines:
        sign, group = line[:1], line[1:].strip()
        if not line.endswith(b"\n") or not group.isdigit():
            continue  # half a line: its writer was killed while it wrote
        if sign == b"+":
            groups[int(group)] = None
        else:
            groups.pop(int(group), None)
    return list(groups)


def _wait_until_ended(process: int) -> None:
    """Another's child, which may stay a zombie where nobody waits for it: Linux tells its end by a descriptor."""
    if not hasattr(os, "pidfd_open"):
        _poll_until_gone(process)
        return
    with suppress(OSError):  # it has ended and was waited for
        descriptor = os.pidfd_open(process)
        try:
            select.select([descriptor], [], [], _PATIENCE_S)
        finally:
            os.close(descriptor)


def _poll_until_gone(process: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(process, 0)
            time.sleep(_POLL_S)


def _stop_embedded(folder: Path) -> None:
    if folder.exists():
        from pipelines.database.embedded import stop_unused

        stop_unused(folder)


if __name__ == "__main__":
    main()
