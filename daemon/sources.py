"""Sources: each process with its books, and the expected ones that are missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from daemon.books import Book
from monitoring.wire import Source, Sources

_MOST = 200
_ENDED_SHOWN_US = 3600 * 1_000_000


def sources_message(
    books: Mapping[int, Book], connected: Collection[int], expected: Collection[str], now_us: int
) -> Sources:
    """Connected ones first, then silent, then those that ended within the hour; newest first within each."""
    here = set(connected)
    shown = [book for book in books.values()
             if not book.ended or book.id in here or (book.last_us or 0) > now_us - _ENDED_SHOWN_US]  # fmt: skip
    superseded = {book.label for book in shown if book.id in here}
    listed = [_source(book, _state(book, here), expected) for book in shown
              if not (_state(book, here) == "silent" and book.label in superseded and not _differs(book))]  # fmt: skip
    order = {"sending": 0, "silent": 1, "ended": 2}
    listed.sort(key=lambda source: (order[source.state], -(source.last_us or 0)))
    return Sources(sources=[*_missing(listed, expected), *listed][:_MOST])


def _differs(book: Book) -> bool:
    """Whether the books of a process that is gone are still open."""
    return book.recorded != book.stored + book.all_drops


def _state(book: Book, here: Collection[int]) -> Literal["sending", "silent", "ended"]:
    if book.id in here:
        return "sending"
    return "ended" if book.ended else "silent"


def _source(book: Book, state: Literal["sending", "silent", "ended"], expected: Collection[str]) -> Source:
    return Source(
        label=book.label,
        service=book.source.service,
        instance=book.source.instance,
        pid=book.source.pid,
        started_us=book.source.started_us,
        last_us=book.last_us,
        state=state,
        recorded=book.recorded,
        stored=book.stored,
        dropped=book.all_drops,
        expected=bool({book.label, book.source.service, book.source.instance} & set(expected)),
    )


def _missing(listed: list[Source], expected: Collection[str]) -> list[Source]:
    known = {name for source in listed for name in (source.label, source.service, source.instance)}
    return [
        Source(label=name, service=name, instance=name, pid=0, started_us=0, last_us=None, state="silent",
               recorded=0, stored=0, dropped=0, expected=True)
        for name in expected if name not in known
    ]  # fmt: skip
