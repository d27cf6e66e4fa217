"""Live: what the last seconds saw, by kind; idle is said only where somebody who would know is connected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from daemon.books import Book
from daemon.cells import Cell, Cells
from monitoring.wire import KindStats, SeriesPoint, Stats, TotalStats

WINDOW_S = 10
_SETTLED_S = 2  # a second counts once its events had time to arrive
_KEPT_S = 20
_SHOWN_US = 24 * 3600 * 1_000_000  # kinds not seen for longer are not listed
_MICROSECONDS = 1_000_000


class Live:
    """The cells of the last seconds; used on the event loop only."""

    def __init__(self, clock_us: Callable[[], int]) -> None:
        self._clock_us = clock_us
        self._seconds: dict[int, dict[str, Cell]] = {}

    def take(self, cells: Cells) -> None:
        """Cells of a committed transaction."""
        oldest = self._clock_us() // _MICROSECONDS - _KEPT_S
        for origin, cell in cells.items():
            if origin.second >= oldest:
                kinds = self._seconds.setdefault(origin.second, {})
                kinds.setdefault(origin.kind, Cell()).add(cell)
        for second in [second for second in self._seconds if second < oldest]:
            del self._seconds[second]

    def stats(self, books: Mapping[int, Book], connected: Iterable[int]) -> Stats:
        """The message that is sent once a second."""
        now_us = self._clock_us()
        last = now_us // _MICROSECONDS - _SETTLED_S
        here = [books[number] for number in connected if number in books]
        window = self._window(last)
        kinds = [_kind_stats(kind, window.get(kind, Cell()), list(books.values()), here)
                 for kind in _kinds_shown(books.values(), window, now_us)]  # fmt: skip
        return Stats(
            now_us=now_us,
            window_s=WINDOW_S,
            kinds=kinds,
            total=_total_stats(window, list(books.values()), here),
            point=[_point(stats.kind, self._seconds.get(last, {}).get(stats.kind, Cell()), last)
                   for stats in kinds if stats.state != "unknown"],
        )  # fmt: skip

    def _window(self, last: int) -> dict[str, Cell]:
        found: dict[str, Cell] = {}
        for second in range(last - WINDOW_S + 1, last + 1):
            for kind, cell in self._seconds.get(second, {}).items():
                found.setdefault(kind, Cell()).add(cell)
        return found


def _kinds_shown(books: Iterable[Book], window: Mapping[str, Cell], now_us: int) -> list[str]:
    seen = {kind for book in books for kind, entry in book.kinds.items() if entry.last_us > now_us - _SHOWN_US}
    return sorted(seen | window.keys())


def _kind_stats(kind: str, cell: Cell, books: list[Book], here: list[Book]) -> KindStats:
    knowing = [book for book in here if kind in book.kinds]
    last_us = max((book.kinds[kind].last_us for book in books if kind in book.kinds), default=None)
    active = [count for book in knowing if (count := book.kinds[kind].active) is not None]
    silent = [book for book in books if kind in book.kinds]
    return KindStats(kind=kind, active=sum(active) if active else None, last_us=last_us,
                     **_sums(cell, bool(knowing)), **_state(cell, knowing, silent, last_us))  # fmt: skip


def _total_stats(window: Mapping[str, Cell], books: list[Book], here: list[Book]) -> TotalStats:
    total = Cell()
    for cell in window.values():
        total.add(cell)
    kinds = [entry for book in books for entry in book.kinds.values()]
    active = [count for book in here for entry in book.kinds.values() if (count := entry.active) is not None]
    last_us = max((entry.last_us for entry in kinds), default=None)
    return TotalStats(active=sum(active) if active else None, last_us=last_us,
                      **_sums(total, bool(here)), **_state(total, here, books, last_us))  # fmt: skip


def _sums(cell: Cell, measured: bool) -> dict[str, Any]:
    p50, p95, p99 = cell.percentiles()
    known = measured or cell.events > 0
    return {
        "operations_per_s": cell.operations / WINDOW_S if known else None,
        "sampled": cell.sampled,
        "error_rate": cell.error_rate,
        "p50_ns": p50,
        "p95_ns": p95,
        "p99_ns": p99,
        "bytes_per_s": cell.size_bytes / WINDOW_S if cell.sized else None,
    }


def _state(cell: Cell, knowing: list[Book], silent: list[Book], last_us: int | None) -> dict[str, Any]:
    """Active, idle as measured by somebody connected, or unknown with who is missing."""
    if cell.events:
        return {"state": "active"}
    if knowing:
        return {"state": "idle", "since_us": last_us, "reason": f"{_named(knowing)} connected and quiet"}
    since_us = max((book.covered[1] for book in silent if book.covered), default=None)
    reason = f"{_named(silent)} not connected" if silent else "no process has connected yet"
    return {"state": "unknown", "since_us": since_us, "reason": reason}


def _named(books: list[Book]) -> str:
    labels = sorted({book.label for book in books})
    if len(labels) > 3:
        return f"{', '.join(labels[:3])} and {len(labels) - 3} more are"
    return f"{' and '.join(labels)} {'is' if len(labels) == 1 else 'are'}"


def _point(kind: str, cell: Cell, second: int) -> SeriesPoint:
    p50, p95, p99 = cell.percentiles()
    return SeriesPoint(at_us=second * _MICROSECONDS, step_s=1, kind=kind, operations=cell.operations,
                       errors=cell.errors, p50_ns=p50, p95_ns=p95, p99_ns=p99)  # fmt: skip
