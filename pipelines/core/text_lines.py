"""Lines of text for a terminal: wrapped at blanks only, so that no identifier is ever cut."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.core.wording import NO_BREAK, padded, width_of

WIDTH = 120  # where nobody knows how wide the reader's lines are


def wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """The text in lines of at most `width` columns, a longer word in a line of its own; NO_BREAK becomes a blank.

    `first` stands before the first line, `rest` before the others; they count.
    """
    lines, current = [], first
    for word in text.split(" "):
        begun = current.strip() != "" and current not in (first, rest)
        if begun and width_of(current) + 1 + width_of(word) > width:
            lines.append(current)
            current, begun = rest, False
        current += f" {word}" if begun else word
    return [line.replace(NO_BREAK, " ") for line in (*lines, current.rstrip())]


def labelled(rows: Iterable[tuple[str, str]], width: int, indent: int = 2) -> list[str]:
    """Each row's label and its text beside it, the texts below one another."""
    listed = [*rows]
    column = max((width_of(label) for label, _ in listed), default=0) + 2
    return [
        line
        for label, text in listed
        for line in wrapped(text, width, " " * indent + padded(label, column), " " * (indent + column))
    ]
