"""Everything that is measured, section by section, on this machine: `make bench` writes bench/RESULTS.md.

    python -m bench [section ...]

A run of some sections alone prints them and writes nothing.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from bench import cold, export, fold, lock_window, rollback
from pipelines.database.programs import ProgramName, find_program

RESULTS = Path(__file__).with_name("RESULTS.md")
SECTIONS: Mapping[str, tuple[str, Callable[[], list[str]]]] = {
    "export": ("Export: 500,000 rows of ten columns", export.run),
    "fold": ("Fold: the same rows into a target with three indexes and a foreign key", fold.run),
    "lock_window": ("Locks: four pgbench writers beside folds of 100,000 rows", lock_window.run),
    "rollback": ("Rollback: the same rows home", rollback.run),
    "cold": ("The first sample, cold", cold.run),
}
_GIB = 1 << 30


def main() -> int:
    """Measure, print as it comes, and write the results when all sections were run; 1 where a limit is missed."""
    asked = sys.argv[1:] or list(SECTIONS)
    lines: list[str] = []
    for line in _measure(asked):
        print(line, flush=True)
        lines.append(line)
    if asked == list(SECTIONS):
        RESULTS.write_text("\n".join([*_head(), *lines, ""]), encoding="utf-8")
    return int(any(line.endswith("MISSED") for line in lines))


def _measure(asked: list[str]) -> Iterator[str]:
    for name in asked:
        title, run = SECTIONS[name]
        yield from ("", f"## {title}", "", "```", *run(), "```")


def _head() -> list[str]:
    major = find_program(ProgramName.PG_DUMP, 180000).major
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    return [
        "# What it costs",
        "",
        "Written by `make bench`. Ratios of ours to a peer's in the same run, medians of alternating turns; the limit",
        "of each stands behind it.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, Linux"
        f" {platform.release().split('-')[0]}, Python {platform.python_version()}, PostgreSQL {major}.",
    ]


if __name__ == "__main__":
    sys.exit(main())
