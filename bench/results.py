"""Sections of measurements, printed as they come and written down with the machine named."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pipelines.database.programs import ProgramName, find_program

Sections = Mapping[str, tuple[str, Callable[[], list[str]]]]
_GIB = 1 << 30


def measure(command: str, sections: Sections, asked: list[str], results: Path) -> int:
    """Print each section's lines; write them to `results` when all were run. 1 where a limit is missed, else 0."""
    lines: list[str] = []
    for line in _lines(sections, asked or list(sections)):
        print(line, flush=True)
        lines.append(line)
    if not asked:
        results.write_text("\n".join([*_head(command), *lines, ""]), encoding="utf-8")
    return int(any(line.endswith("MISSED") for line in lines))


def _lines(sections: Sections, asked: list[str]) -> Iterator[str]:
    for name in asked:
        title, run = sections[name]
        yield from ("", f"## {title}", "", "```", *run(), "```")


def _head(command: str) -> list[str]:
    major = find_program(ProgramName.PG_DUMP, 180000).major
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    return [
        "# What it costs",
        "",
        f"Written by `{command}`. Ratios of ours to a peer's in the same run; the limit of each stands behind it.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, Linux"
        f" {platform.release().split('-')[0]}, Python {platform.python_version()}, PostgreSQL {major}.",
    ]
