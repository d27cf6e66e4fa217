"""TCP ports of this machine: whether one is free, and who has it where it is not."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from pipelines.commands import leftovers
from pipelines.core.errors import SpecError

HOST = "127.0.0.1"
_LISTEN = "0A"  # state of a socket in /proc/net/tcp


def need_free_port(port: int, command: str, home: Path) -> None:
    """See that nobody has the port; `home` is the Dagster home that the command works in.

    Raises:
        SpecError: somebody has; the message names them where the machine tells, and another port.
    """
    if not 0 < port < 65536:
        raise SpecError(f"{port} is no port: give one from 1 to 65535, {command} --port 3000")
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was just left is free
        try:
            tried.bind((HOST, port))
        except PermissionError:
            raise SpecError(f"port {port} may not be opened by this user: {command} --port 3000") from None
        except OSError:
            raise SpecError(_taken(port, command, home)) from None


def _taken(port: int, command: str, home: Path) -> str:
    process = holder(port)
    if process is not None and leftovers.works_in(int(process.name), home):
        return f"port {port} is taken by {leftovers.told(home)}, or choose another: {command} --port {port + 1}"
    who = "another program" if process is None else _named(process)
    return f"port {port} is taken by {who}: stop it, or choose another: {command} --port {port + 1}"


def holder(port: int) -> Path | None:
    """The folder in /proc of who listens on the port; None where the machine does not tell (only Linux does)."""
    inodes = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening(Path("/proc/net") / table, port)}
    return next((process for process in _processes() if _holds(process, inodes)), None)


def _listening(table: Path, port: int) -> list[str]:
    if not table.exists():
        return []
    rows = [line.split() for line in table.read_text().splitlines()[1:]]
    return [row[9] for row in rows if row[3] == _LISTEN and int(row[1].rpartition(":")[2], 16) == port]


def _processes() -> list[Path]:
    root = Path("/proc")
    return [path for path in root.iterdir() if path.name.isdigit()] if root.is_dir() else []


def _holds(process: Path, inodes: set[str]) -> bool:
    """An error means that the process or its file has gone meanwhile, or is another user's."""
    with suppress(OSError):
        return any(_leads_to(file, inodes) for file in (process / "fd").iterdir())
    return False


def _named(process: Path) -> str:
    """`python3 (process 4711)`."""
    with suppress(OSError):
        return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return f"process {process.name}"


def _leads_to(file: Path, inodes: set[str]) -> bool:
    with suppress(OSError):
        return str(file.readlink()) in inodes
    return False
