"""Static SQL in named blocks: a `.sql` file beside its module, read once.

A block begins with a line `-- name: one-line purpose` at the left margin and ends where the next one begins. Lines
before the first block may only be comments. An indented comment belongs to its block's text, and so does any other
comment that has not the form of a header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_HEADER = re.compile(r"^-- (?P<name>[a-z][a-z0-9_]*): (?P<purpose>\S.*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """One named block; `text` is its SQL without the header line, as written."""

    name: str
    purpose: str
    text: str


def load_sql(package: str, file: str) -> Mapping[str, str]:
    """The SQL of each block of `file` in `package`, by name, in file order.

    The header line is left out, so that a purpose may hold `%` and braces.

    Raises:
        ValueError: the file has no block, text before the first, a block twice, or one without SQL.
    """
    return MappingProxyType({name: block.text for name, block in load_blocks(package, file).items()})


@cache
def load_blocks(package: str, file: str) -> Mapping[str, Block]:
    """The blocks of `file` in `package` with their purposes, by name, in file order; raises as `load_sql`."""
    return parse_blocks(files(package).joinpath(file).read_text(encoding="utf-8"), f"{package}/{file}")


def parse_blocks(text: str, source: str) -> Mapping[str, Block]:
    """Split the text of a file into its blocks; `source` names the file in errors.

    Raises:
        ValueError: as for `load_sql`.
    """
    blocks: dict[str, Block] = {}
    for block in _split_blocks(text, source):
        if block.name in blocks:
            raise ValueError(f"{source}: block {block.name!r} is there twice: rename one")
        if not _has_sql(block.text):
            raise ValueError(f"{source}: block {block.name!r} has no SQL: write some, or remove its header")
        blocks[block.name] = block
    if not blocks:
        raise ValueError(f"{source}: no block: begin each with a line '-- name: purpose'")
    return MappingProxyType(blocks)


def _split_blocks(text: str, source: str) -> Iterator[Block]:
    header: re.Match[str] | None = None
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _HEADER.match(line):
            if header is not None:
                yield _block(header, lines)
            header, lines = found, []
        elif header is not None:
            lines.append(line)
        elif _has_sql(line):
            raise ValueError(f"{source}:{number}: SQL before the first block: begin it with a line '-- name: purpose'")
    if header is not None:
        yield _block(header, lines)


def _block(header: re.Match[str], lines: list[str]) -> Block:
    return Block(header["name"], header["purpose"].strip(), "\n".join(lines).strip())


def _has_sql(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("--") for line in text.splitlines())
