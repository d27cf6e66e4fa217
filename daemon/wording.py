"""Numbers with units, as every sentence of the daemon's writes them."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 300  # characters of a text that came from elsewhere


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 row`, `1,496,716 rows`; `plural` where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def size(size_bytes: float) -> str:
    """`640 B`, `48 kB`, `412 MB`, `1.9 GB`; a kB is 1,024 bytes, as pg_size_pretty counts."""
    value, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if round(value) < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:,.{1 if unit in ('GB', 'TB') and value < 10 else 0}f} {unit}"


def duration(time_s: float) -> str:
    """`0.4 ms`, `46 ms`, `1.4 s`, `31 s`, `1 min 16 s`, `2 h 5 min`, `3 d 4 h`."""
    if time_s < 0.0095:
        return f"{time_s * 1000:.1f} ms"
    if time_s < 0.9995:
        return f"{time_s * 1000:.0f} ms"
    if time_s < 9.95:
        return f"{time_s:.1f} s"
    whole_s = round(time_s)
    if whole_s < 60:
        return f"{whole_s} s"
    for large, unit_s, small in (("min", 60, "s"), ("h", 3600, "min"), ("d", 86_400, "h")):
        if whole_s < unit_s * (24 if large == "h" else 60) or large == "d":
            rest = round((whole_s % unit_s) / {"s": 1, "min": 60, "h": 3600}[small])
            return f"{whole_s // unit_s} {large}" + (f" {rest} {small}" if rest else "")
    raise AssertionError(time_s)


def percent(share: float) -> str:
    """`82 %`."""
    return f"{share * 100:.0f} %"


def listed(items: Iterable[str], last: str = "and", most: int = 4) -> str:
    """`a`, `a and b`, `a, b and c`; of many the first `most`, and how many others."""
    names = [*items]
    if len(names) > most + 1:  # "and 1 others" takes as much room as its name
        return f"{', '.join(names[:most])} {last} {len(names) - most:,} others"
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)


def one_line(text: object) -> str:
    """A text from elsewhere on one line, printable and at most 300 characters long."""
    flat = " ".join(str(text).split())
    plain = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in flat)
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"
