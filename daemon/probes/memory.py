"""Memory: of the container where it has a limit (control groups, version 2 or 1), else of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.probes.finding import Finding, Status
from daemon.wording import percent, size

_UNLIMITED = 1 << 60  # version 1 writes a huge number where there is no limit


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """From which share on memory is degraded and unhealthy."""

    high: float = 0.80
    full: float = 0.95


@dataclass(frozen=True, slots=True)
class Memory:
    """What is used of what there is; page cache that the kernel takes back by itself is not counted as used."""

    used_bytes: int
    limit_bytes: int
    whose: str  # "container" or "machine"

    @property
    def share(self) -> float:
        """Used, 0 to 1."""
        return self.used_bytes / self.limit_bytes


async def look_at_memory(limits: MemoryLimits, root: Path = Path("/")) -> Finding:
    """As `read_memory` says now."""
    return judge(read_memory(root), limits)


def read_memory(root: Path = Path("/")) -> Memory:
    """The tightest limit that holds for this process; `root` is where /proc and /sys are.

    Raises:
        OSError: there is no /proc.
    """
    groups = [found for folder in _groups(root) if (found := _read_group(folder)) is not None]
    machine = _read_machine(root)
    return min([*groups, machine], key=lambda memory: memory.limit_bytes)


def judge(memory: Memory, limits: MemoryLimits) -> Finding:
    """The finding of a reading."""
    said = f"{size(memory.used_bytes)} of {size(memory.limit_bytes)} of the {memory.whose}, {percent(memory.share)}."
    if memory.share >= limits.full:
        return Finding(Status.UNHEALTHY, said, "The kernel may kill the daemon or what runs beside it.")
    if memory.share >= limits.high:
        return Finding(Status.DEGRADED, said, "Exports may slow down; a burst may not fit.")
    return Finding(Status.HEALTHY, said, "There is room for bursts.")


def _groups(root: Path) -> Iterator[Path]:
    """The memory control groups of this process, its own first, then those around it; a container's root is its own."""
    for line in (root / "proc/self/cgroup").read_text("utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            mount = root / "sys/fs/cgroup"
        elif "memory" in controllers.split(","):
            mount = root / "sys/fs/cgroup/memory"
        else:
            continue
        own = mount / path.strip("/")
        yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(mount))


def _read_group(folder: Path) -> Memory | None:
    """None where the group has no limit, or is not visible from here."""
    try:
        if (folder / "memory.max").exists():
            limit, used = _number(folder / "memory.max"), _number(folder / "memory.current")
            cache = _stat(folder, "inactive_file")
        else:
            limit, used = _number(folder / "memory.limit_in_bytes"), _number(folder / "memory.usage_in_bytes")
            cache = _stat(folder, "total_inactive_file")
    except FileNotFoundError:
        return None
    if limit is None or used is None or limit >= _UNLIMITED or limit <= 0:
        return None
    return Memory(max(0, used - cache), limit, "container")


def _number(file: Path) -> int | None:
    text = file.read_text("ascii").strip()
    return None if text == "max" else int(text)


def _stat(folder: Path, name: str) -> int:
    for line in (folder / "memory.stat").read_text("ascii").splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def _read_machine(root: Path) -> Memory:
    lines = (root / "proc/meminfo").read_text("ascii").splitlines()
    sizes = {line.partition(":")[0]: line.split()[1] for line in lines if len(line.split()) > 1}
    total, available = int(sizes["MemTotal"]) * 1024, int(sizes["MemAvailable"]) * 1024
    return Memory(total - available, total, "machine")
