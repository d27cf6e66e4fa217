"""Numbers with units, counts, moments and names, as every text and picture for a person writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from unicodedata import category, combining, east_asian_width

NO_BREAK = "\N{NO-BREAK SPACE}"

# strftime's names follow the locale of the process; these do not.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_JOINERS = "\u200c\u200d"  # part of words and emoji
_NO_XML = "\ufffe\uffff"
_HEX = re.compile(r"[0-9a-f]{16,}", re.ASCII | re.IGNORECASE)


def number(value: int) -> str:
    """`1,496,716`."""
    return f"{value:,}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 row`, `1,496,716 rows`; `plural` where it is not the noun with an s."""
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"


def number_word(value: int) -> str:
    """`three` up to twelve, then digits."""
    return _WORDS[value] if value < len(_WORDS) else number(value)


def listed(items: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, final = [*items] or [""]
    return f"{', '.join(first)} {last} {final}" if first else final


def capitalized(text: str) -> str:
    """With its first letter in upper case and the rest as it is."""
    return text[:1].upper() + text[1:]


def size(size_bytes: int) -> str:
    """`640 B`, `48 kB`, `331 MB`, `1.2 GB`; a kB is 1,024 bytes, as pg_size_pretty counts."""
    value, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if round(value) < 1024:
            break
        value, unit = value / 1024, larger
    digits = 1 if unit in ("GB", "TB") and value < 10 else 0
    return f"{value:,.{digits}f} {unit}"


def duration(time_s: float) -> str:
    """`0.4 ms`, `6 ms`, `0.1 s`, `31.2 s`, `1 min 16 s`, `2 h 5 min`, `3 d 4 h`."""
    time_ms = time_s * 1000
    if time_ms < 1 and time_s > 0:
        return f"{max(time_ms, 0.1):.1f} ms"
    return f"{time_ms:.0f} ms" if round(time_ms) < 100 else took(time_s)


def took(time_s: float) -> str:
    """As `duration`, in seconds below a minute, so that a column of them has one unit: `0.0 s`."""
    if round(time_s, 1) < 60:
        return f"{time_s:.1f} s"
    whole_s = round(time_s)
    if whole_s < 3600:
        return f"{whole_s // 60} min {whole_s % 60} s"
    minutes = round(time_s / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(time_s / 3600)
    return f"{hours // 24} d {hours % 24} h"


def span(time: timedelta) -> str:
    """`7 days`, `12 hours`, `90 minutes`: a period that was asked for, in the greatest unit that divides it."""
    for unit, noun in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if time and not time % timedelta(seconds=unit):
            return counted(time // timedelta(seconds=unit), noun)
    return counted(round(time.total_seconds()), "second")


def rate(rows_per_s: float) -> str:
    """`52,300 rows/s`: three figures, since a rate is never exact."""
    if rows_per_s < 10:
        return f"{rows_per_s:.1f} rows/s"
    exponent = len(str(int(rows_per_s))) - 3
    return f"{round(rows_per_s, -exponent if exponent > 0 else 0):,.0f} rows/s"


def day(moment: datetime, zone: tzinfo) -> str:
    """`Wed 25 Nov 2026`."""
    local = moment.astimezone(zone)
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"


def clock(moment: datetime, zone: tzinfo) -> str:
    """`07:16:51 AEDT`."""
    local = moment.astimezone(zone)
    return f"{local:%H:%M:%S} {local.tzname()}"


def moment_of(moment: datetime, zone: tzinfo) -> str:
    """`Wed 25 Nov 2026, 07:16:51 AEDT`."""
    return f"{day(moment, zone)}, {clock(moment, zone)}"


def period(start: datetime, end: datetime, zone: tzinfo) -> str:
    """`Wed 25 Nov 2026, 07:12:48 to 07:16:51 AEDT`; both days and zones where they differ."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    if (first.date(), first.tzname()) != (last.date(), last.tzname()):
        return f"{moment_of(start, zone)} to {moment_of(end, zone)}"
    return f"{day(start, zone)}, {first:%H:%M:%S} to {clock(end, zone)}"


def visible(text: str, keep: str = "") -> str:
    """The text with characters that steer a terminal, a document or reading order written out, as `\\x1b`.

    `keep` lists the control characters that stay as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep or not _steers(c) else _written_out(c) for c in text)


def _steers(character: str) -> bool:
    # Cc and Cf hold escapes and bidi overrides, Cs cannot be encoded, Zl and Zp break lines.
    steering = category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return (steering and character not in _JOINERS) or character in _NO_XML


def _written_out(character: str) -> str:
    match character:
        case "\n":
            return "\\n"
        case "\r":
            return "\\r"
        case "\t":
            return "\\t"
        case _:
            code = ord(character)
            return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shortened(text: str, length: int) -> str:
    """At most `length` characters, the last an ellipsis where some were left out."""
    return text if len(text) <= length else text[: max(length - 1, 0)] + "…"


def short_key(key: str) -> str:
    """The first group of a UUID; any other key at 40 characters."""
    return key[:8] if _UUID.fullmatch(key) else shortened(key, 40)


def short_hash(text: str) -> str:
    """`5b1e0c9a…e2d47f` of a hash in hexadecimal."""
    return f"{text[:8]}…{text[-6:]}" if _HEX.fullmatch(text) else text


def grouped(digest: str) -> str:
    """`9f3c 81d2 07be 4a65`: a hexadecimal digest in groups that an eye can compare."""
    return " ".join(digest[i : i + 4] for i in range(0, len(digest), 4)) if _HEX.fullmatch(digest) else digest


def width_of(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if combining(character) or category(character) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in ("W", "F") else 1


def padded(text: str, columns: int) -> str:
    """The text with blanks up to a width in terminal columns."""
    return text + " " * (columns - width_of(text))


def unbroken(text: str) -> str:
    """A sentence of ours in which a number and what follows it never part at a line end."""
    return re.sub(r"(?<=[0-9]) (?=[A-Za-z%])", NO_BREAK, text)


def as_identifier(name: str) -> str:
    """A name as SQL reads it: in double quotes where it needs them (manual 4.1.1)."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
