"""Questions: what is asked of the read API, read once from an address; a mistake is named with what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from daemon.cells import Dimension
from daemon.errors import BadRequest
from daemon.selection import Selection, split_text

_CURSOR = "e"
_FIRST_US = 10**14  # 1973: a smaller number is no time in microseconds
_LIMIT, _MOST = 200, 2000
_STEPS = 2000  # points of one series
_FILTERS = ("kind", "outcome", "source", "trace_id", "q", "after", "before")
_OUTCOMES = frozenset({"ok", "error", "cancelled"})
_LONGEST = 200


class Query(Protocol):
    """An address's parameters, of which several may have one name."""

    def getall(self, key: str, default: list[str]) -> list[str]: ...

    def keys(self) -> Iterable[str]: ...


@dataclass(frozen=True, slots=True)
class EventsAsked:
    """A page of events: of those with a number below `below`, at most `limit`."""

    selection: Selection
    below: int | None
    limit: int


@dataclass(frozen=True, slots=True)
class SeriesAsked:
    """Sums from `from_s` to before `to_s`, a point each `step_s`."""

    from_s: int
    to_s: int
    step_s: int
    by: Dimension


def cursor(seq: int) -> str:
    """What stands for 'older than this'."""
    return f"{_CURSOR}{seq}"


def read_events(query: Query) -> EventsAsked:
    """Of /api/events; `before` is a time, or the cursor of the page before."""
    _check_names(query, (*_FILTERS, "limit", "cursor"))
    before = _one(query, "before")
    below = _read_cursor(_one(query, "cursor"))
    if before is not None and _is_cursor(before):
        below = _read_cursor(before)
    return EventsAsked(read_selection(query), below, _whole(query, "limit", _LIMIT, 1, _MOST))


def read_export(query: Query) -> tuple[str, Selection]:
    """Of /api/export: the format, and what is wanted."""
    _check_names(query, (*_FILTERS, "format"))
    wanted = _one(query, "format") or "jsonl"
    if wanted not in ("jsonl", "csv"):
        raise BadRequest(f"format={wanted[:20]}: say jsonl or csv")
    return wanted, read_selection(query)


def read_selection(query: Query) -> Selection:
    """The filters that events, export and stream share."""
    outcomes = _words(query, "outcome")
    if outcomes is not None and not outcomes <= _OUTCOMES:
        raise BadRequest("outcome: say ok, error or cancelled")
    text, trace_of_text = split_text(_one(query, "q"))
    before = _one(query, "before")
    return Selection(
        kinds=_words(query, "kind"),
        outcomes=outcomes,
        sources=_words(query, "source"),
        text=text,
        trace_id=read_trace_id(_one(query, "trace_id")) or trace_of_text,
        after_us=read_moment("after", _one(query, "after")),
        before_us=None if before is None or _is_cursor(before) else read_moment("before", before),
    )


def read_trace_id(text: str | None) -> str | None:
    """32 hexadecimal digits."""
    if text is None:
        return None
    folded = text.lower()
    if len(folded) != 32 or not set(folded) <= set("0123456789abcdef"):
        raise BadRequest("trace_id: 32 hexadecimal digits")
    return folded


def read_moment(name: str, text: str | None) -> int | None:
    """Microseconds since the epoch, or an ISO 8601 time with its offset."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 18:
        if int(text) < _FIRST_US:
            raise BadRequest(f"{name}={text}: a time is in microseconds since 1970, or as 2026-11-25T09:30:00+11:00")
        return int(text)
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise BadRequest(f"{name}: a time is in microseconds since 1970, or as 2026-11-25T09:30:00+11:00") from None
    if moment.tzinfo is None:
        raise BadRequest(f"{name}={text}: this time names no zone: write its offset, as +11:00 or Z")
    return round(moment.timestamp() * 1_000_000)


def read_span(query: Query, now_us: int) -> tuple[int, int]:
    """`from` and `to` in microseconds; without them, the last hour."""
    to_us = read_moment("to", _one(query, "to")) or now_us
    from_us = read_moment("from", _one(query, "from")) or to_us - 3600 * 1_000_000
    if from_us >= to_us:
        raise BadRequest("from must lie before to")
    return from_us, to_us


def read_series(query: Query, now_us: int) -> SeriesAsked:
    """Of /api/stats."""
    _check_names(query, ("from", "to", "step", "by"))
    from_us, to_us = read_span(query, now_us)
    from_s, to_s = from_us // 1_000_000, -(-to_us // 1_000_000)
    step_s = _whole(query, "step", _usual_step(to_s - from_s), 1, 7 * 86_400)
    if (to_s - from_s) // step_s > _STEPS:
        raise BadRequest(f"step={step_s} makes more than {_STEPS} points: take a longer step or a shorter time")
    by = _one(query, "by") or Dimension.KIND.value
    if by not in {dimension.value for dimension in Dimension}:
        raise BadRequest("by: say kind, name, source or outcome")
    return SeriesAsked(from_s - from_s % step_s, to_s, step_s, Dimension(by))


def check_nothing(query: Query) -> None:
    """For what takes no parameters."""
    _check_names(query, ())


def _usual_step(length_s: int) -> int:
    return next((step for step in (1, 10, 60, 300, 3600) if length_s / step <= 400), 86_400)


def _is_cursor(text: str) -> bool:
    return text.startswith(_CURSOR) and text[1:].isascii() and text[1:].isdigit() and len(text) < 20


def _read_cursor(text: str | None) -> int | None:
    if text is None:
        return None
    if not _is_cursor(text):
        raise BadRequest("cursor: take it from the answer before, as it is")
    return int(text[1:])


def _check_names(query: Query, known: tuple[str, ...]) -> None:
    unknown = sorted(set(query.keys()) - set(known))
    if unknown:
        raise BadRequest(f"{unknown[0][:40]}: there is no such parameter here; there are {', '.join(known) or 'none'}")


def _one(query: Query, name: str) -> str | None:
    given = [text for text in query.getall(name, []) if text]
    if len(given) > 1:
        raise BadRequest(f"{name}: give it once")
    if given and len(given[0]) > _LONGEST:
        raise BadRequest(f"{name}: at most {_LONGEST} characters")
    return given[0] if given else None


def _words(query: Query, name: str) -> frozenset[str] | None:
    """Given several times, or once with commas."""
    words = [word for text in query.getall(name, []) for word in text.split(",") if word]
    if len(words) > 100:
        raise BadRequest(f"{name}: at most 100 of them")
    return frozenset(words) if words else None


def _whole(query: Query, name: str, otherwise: int, least: int, most: int) -> int:
    text = _one(query, name)
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise BadRequest(f"{name}: a whole number from {least} to {most}")
    return int(text)
