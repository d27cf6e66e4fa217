"""Retention: the history is bounded by age and by size; the oldest goes first, a few thousand events at a time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from daemon.named_sql import load_sql
from daemon.rollups import forget_rollups

_SQL = load_sql("daemon", "history.sql")

_MICROSECONDS = 1_000_000
_BLOCKS_AT_ONCE = 4  # about 16,000 events: a batch never waits long behind it


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept."""

    max_age_s: int
    max_bytes: int


def used_bytes(connection: sqlite3.Connection) -> int:
    """Of the file, what holds something; pages given back are used again."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages - free) * int(size)


def forget(connection: sqlite3.Connection, bounds: Bounds, now_us: int) -> bool:
    """Forget some of what is out of bounds, within a transaction.

    Returns:
        Whether there may be more to forget.
    """
    before_us = now_us - bounds.max_age_s * _MICROSECONDS
    (aged,) = connection.execute(_SQL["old_events"], {"before_us": before_us}).fetchone()
    (oldest,) = connection.execute(_SQL["oldest_blocks"], {"blocks": _BLOCKS_AT_ONCE}).fetchone()
    if aged is not None:
        last_seq = min(aged, oldest)
    elif oldest is not None and used_bytes(connection) > bounds.max_bytes:
        last_seq = oldest
    else:
        return False
    connection.execute(_SQL["forget_events"], {"last_seq": last_seq})
    connection.execute(_SQL["forget_blocks"], {"last_seq": last_seq})
    return True


def forget_sums(connection: sqlite3.Connection, bounds: Bounds, now_us: int) -> list[int]:
    """Forget what nothing draws any more, within a transaction.

    Returns:
        The numbers of the processes that were forgotten.
    """
    forget_rollups(connection, now_us // _MICROSECONDS)
    before_us = now_us - bounds.max_age_s * _MICROSECONDS
    connection.execute(_SQL["forget_coverage"], {"before_us": before_us})
    # Twice the age: a block is kept as long as its youngest event, which is no more than a twentieth of that younger.
    named = {"before_us": now_us - 2 * bounds.max_age_s * _MICROSECONDS}
    forgotten = [number for (number,) in connection.execute(_SQL["forgotten_sources"], named).fetchall()]
    if forgotten:
        connection.execute(_SQL["forget_kinds"])
        connection.execute(_SQL["forget_drops"])
    return forgotten
