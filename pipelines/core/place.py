"""A place in the target: a column, or a path into a json(b) column of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a value stands in a target row; an empty `path` is the whole column."""

    column: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join(f'"{part}"' if "." in part or not part else part for part in (self.column, *self.path))

    def holds(self, other: Place) -> bool:
        """Whether writing here would write there too: the same place, or one that it encloses."""
        return self.column == other.column and self.path == other.path[: len(self.path)]
