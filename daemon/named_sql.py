"""Static SQL in named blocks: a `.sql` file beside its module; each block begins with `-- name: purpose`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import LiteralString, cast

_HEADER = re.compile(r"^-- ([a-z][a-z0-9_]*): \S.*$", re.MULTILINE)


def load_sql(package: str, file: str) -> Mapping[str, LiteralString]:
    """The SQL of each block of `file` in `package`, by name.

    Raises:
        ValueError: the file has no block.
    """
    parts = _HEADER.split(files(package).joinpath(file).read_text(encoding="utf-8"))
    blocks = {name: cast(LiteralString, text.strip()) for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    if not blocks:
        raise ValueError(f"{package}/{file}: no block: begin each with a line '-- name: purpose'")
    return MappingProxyType(blocks)
