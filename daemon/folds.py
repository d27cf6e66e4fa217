"""Folds: the part that reads the books and the backup folder, hears what runs tell, and shows both."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from daemon.backups import Folder, Found, show_backups
from daemon.errors import HistoryUnavailable
from daemon.migrations.ledger import Books, DrillRow, read_books
from daemon.migrations.live import LiveFolds
from daemon.migrations.showing import Surroundings, show_migrations
from daemon.parts import StoredRun, View
from daemon.selection import Selection
from daemon.wording import one_line
from monitoring.wire import BackupsMessage, Migrations

_TICK_S = 0.25  # a page draws four times a second at most
_BUSY_S, _IDLE_S = 0.5, 2.0  # between two looks into the books
_BACKUPS_S = 5.0
_BOOKS_S = 4.0  # how long a look may take
_HEARD_AGAIN = 5_000
_ABOUT_FOLDS = Selection(kinds=frozenset({"migration", "backup"}))
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Folds:
    """`say_database` is told which database it is, as the page's title has it."""

    say_database: Callable[[str], None]
    _live: LiveFolds = field(default_factory=LiveFolds)
    _books: Books | None = None
    _found: list[Found] | None = None
    _troubles: list[str] = field(default_factory=list)
    _changed: bool = True
    _listens: bool = False

    @property
    def name(self) -> str:
        """Of its task."""
        return "folds"

    async def run(self, view: View) -> None:
        """Look and hear until it is cancelled."""
        if not self._listens:
            view.listen(self._hear)
            self._listens = True
        await self._hear_again(view)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_books(view))
            group.create_task(self._read_backups(view.settings.backups))
            group.create_task(self._show(view))

    def _hear(self, run: StoredRun) -> None:
        if self._live.hear(run.events):
            self._changed = True

    async def _hear_again(self, view: View) -> None:
        """What was told before this daemon began: checks and verdicts are in no books."""
        try:
            self._live.hear(await view.recent(_ABOUT_FOLDS, _HEARD_AGAIN))
        except (HistoryUnavailable, TimeoutError) as error:
            _log.warning("what runs told before is not shown: %s", error)

    async def _read_books(self, view: View) -> None:
        conninfo, failing = view.settings.database_url, False
        while conninfo is not None:
            try:
                async with asyncio.timeout(2 * _BOOKS_S):
                    self._books = await read_books(conninfo, view.settings.tracking_schema, _BOOKS_S)
                self.say_database(self._books.database)
                self._changed, failing = True, False
            except (psycopg.Error, OSError, TimeoutError) as error:
                if not failing:  # once a trouble: health says the rest
                    _log.warning("the books of folds cannot be read: %s", one_line(error) or "no answer in time")
                failing = True
            await asyncio.sleep(_BUSY_S if self._is_busy() and not failing else _IDLE_S)

    async def _read_backups(self, root: Path) -> None:
        folder = Folder(root)
        while True:
            self._found = await asyncio.to_thread(folder.read)
            self._troubles = folder.troubles
            self._changed = True
            await asyncio.sleep(_BACKUPS_S)

    async def _show(self, view: View) -> None:
        zone = ZoneInfo(view.settings.time_zone)
        around = Surroundings(zone, view.settings.dagster_url)
        while True:
            if self._changed:
                self._changed = False
                view.board.post(Migrations(migrations=show_migrations(self._books, self._live.folds, around)))
                if self._found is not None:
                    drills, now = self._drills(self._found), datetime.now(UTC)
                    shown = show_backups(self._found, drills, zone, now, self._troubles)
                    view.board.post(BackupsMessage(backups=shown))
            await asyncio.sleep(_TICK_S)

    def _is_busy(self) -> bool:
        """Whether a run is under way, by the books or by what was told in the last minute."""
        folds = self._books.folds if self._books is not None else ()
        told_us = max((fold.last_us for fold in self._live.folds.values()), default=0)
        return any(each.fold.at_work for each in folds) or time.time_ns() // 1000 - told_us < 60_000_000

    def _drills(self, found: list[Found]) -> list[DrillRow]:
        """Those in the books, and those told of, which were of the newest backup that there was then."""
        drills = list(self._books.drills) if self._books is not None else []
        for fold, (at_us, passed, sentence) in self._live.drills.items():
            at = datetime.fromtimestamp(at_us / 1e6, UTC)
            drilled = next((one for one in found if one.fold == fold and one.is_backup and one.at <= at), None)
            if drilled is not None:
                drills.append(DrillRow(f"{fold}/{drilled.name}", at, passed, None, sentence or None))
        return drills
