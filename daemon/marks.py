"""Marks: the deploys and folds that the charts draw as vertical lines."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from daemon.history_reader import read_back
from daemon.selection import Selection
from monitoring.wire import Mark, StoredEvent

_MOST = 200
_READ = 2000
_KINDS = frozenset({"host", "migration"})


def read_marks(connection: sqlite3.Connection, from_us: int, to_us: int) -> list[Mark]:
    """Between two times, in order."""
    wanted = Selection(kinds=_KINDS, after_us=from_us, before_us=to_us)
    found = read_back(connection, wanted, None, _READ)
    marks = [mark for event in found.events for mark in _marks_of(event)]
    return sorted(marks[:_MOST], key=lambda mark: mark.at_us)


def _marks_of(event: StoredEvent) -> Iterator[Mark]:
    attributes = event.attributes or {}
    fold = attributes.get("pgfold.fold", "a fold")
    match event.name:
        case "deploy":
            yield Mark(
                at_us=event.at_us, title=f"deploy {attributes.get('service.version', '')}".strip(), kind="deploy"
            )
        case "migration.cut_over":
            yield Mark(at_us=event.at_us, title=f"{fold}: cut over", kind="cut_over")
        case "migration.rollback":
            yield Mark(at_us=event.at_us, title=f"{fold}: rolled back", kind="rollback")
        case _:
            return
