"""What the wire takes: texts of a length, plain values, and not too many of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from monitoring.wire import ATTRIBUTES, KEY_LENGTH, VALUE_LENGTH, Value

MOST = 2**63 - 1

_CUT = "…"


def cut(text: str, length: int) -> str:
    """The text, shortened with an ellipsis where it is longer."""
    if len(text) <= length:
        return text
    return text[: length - 1] + _CUT


def bounded(attributes: Mapping[str, object]) -> dict[str, Value]:
    """The first attributes, each cut to its length; what is no plain value becomes text."""
    if len(attributes) > ATTRIBUTES:
        attributes = dict(list(attributes.items())[:ATTRIBUTES])
    return {
        (key if len(key) <= KEY_LENGTH else cut(key, KEY_LENGTH)): _plain(value) for key, value in attributes.items()
    }


def _plain(value: object) -> Value:
    if type(value) is str:
        return value if len(value) <= VALUE_LENGTH else cut(value, VALUE_LENGTH)
    if isinstance(value, int) and -MOST <= value <= MOST:  # a bool is one
        return value
    if isinstance(value, float) and isfinite(value):
        return value
    return cut(str(value), VALUE_LENGTH)
