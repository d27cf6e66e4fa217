"""Methods of other people's classes, replaced while they are watched, and put back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import update_wrapper
from typing import Any

Undo = Callable[[], None]


@dataclass(slots=True)
class Patches:
    """What one integration has replaced; while it is in place, to install it again does nothing."""

    _undo: list[Undo] = field(default_factory=list)

    @property
    def installed(self) -> bool:
        """Whether anything is replaced now."""
        return bool(self._undo)

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Put `make(original)` in place of a method that `owner` itself defines; one that it inherits stays."""
        original = vars(owner).get(name)
        if original is None:
            return
        kind = type(original) if isinstance(original, classmethod | staticmethod) else None
        function = original.__func__ if kind is not None else original
        made = update_wrapper(make(function), function)
        setattr(owner, name, kind(made) if kind is not None else made)
        self._undo.append(lambda: setattr(owner, name, original))

    def also(self, undo: Undo) -> None:
        """Call this too when everything is put back."""
        self._undo.append(undo)

    def undo(self) -> None:
        """Put everything back."""
        while self._undo:
            self._undo.pop()()
