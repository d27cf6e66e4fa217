"""Markdown from parts: values are escaped, so that a name with a star or a pipe stays a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pipelines.core.wording import visible

_ACTIVE = re.compile(r"([\\`*_{}\[\]()<>#+!|~&$^-])", re.ASCII)


def escaped(text: str) -> str:
    """Text that shows as it is, on one line."""
    return _ACTIVE.sub(r"\\\1", visible(text))


def code(text: str) -> str:
    """Text as code, in as many backticks as it takes; a pipe is escaped, since tables are split before code is read."""
    shown = visible(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown[:1] == "`" or shown[-1:] == "`" else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def block(text: str, language: str = "") -> str:
    """Several lines of code."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence, shown = "`" * (longest + 1), visible(text, keep="\n")
    return f"{fence}{language}\n{shown}\n{fence}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are markdown already, a head that ends in a colon stands right."""
    names = [head.removesuffix(":") for head in heads]
    rule = ["--:" if head.endswith(":") else "---" for head in heads]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (names, rule, *rows))
