"""Statements: the named blocks of the .sql files that lie beside the modules."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_HEADING = re.compile(r"^-- (\w+):.*$", re.MULTILINE)


@cache
def read_statements(file_name: str) -> dict[str, str]:
    """By name, the SQL after each `-- name: purpose` line."""
    pieces = _HEADING.split((Path(__file__).parent / file_name).read_text(encoding="utf-8"))
    return {name: text.strip() for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}
