"""DDL as text: its tokens, and the same DDL about tables of another name.

The texts are the server's and pg_dump's own, which qualify every name of a relation. So `schema.name` is a name
wherever it stands outside of quotes; within quotes only a literal that is cast to regclass is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.schema import TableName

# Blocks of ours quote their body with this tag: names in it are names.
TAG = "$pgfold$"

# PostgreSQL manual 4.1. pg_dump writes standard_conforming_strings on.
_TOKEN = re.compile(
    r"""
      (?P<comment>    --[^\n]* | /\*.*?\*/ )
    | (?P<literal>    [eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*' )
    | (?P<dollar>     \$(?P<tag>(?:[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)?)\$.*?\$(?P=tag)\$ )
    | (?P<identifier> "(?:[^"]|"")+" )
    | (?P<word>       [A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]* )
    | (?P<number>     [0-9][0-9.]* )
    | (?P<space>      \s+ )
    | (?P<symbol>     . )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_REGCLASS = re.compile(r"::(pg_catalog\.)?regclass\b")


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `kind` is the name of a group of _TOKEN."""

    kind: str
    text: str
    start: int

    @property
    def name(self) -> str | None:
        """What it names, as the catalog spells it; None where it is no name."""
        match self.kind:
            case "identifier":
                return self.text[1:-1].replace('""', '"')
            case "word":
                return self.text.lower()
            case _:
                return None


def tokens(text: str) -> Iterator[Token]:
    """Every token in order; together they are the text."""
    for match in _TOKEN.finditer(text):
        # `tag` closes before the dollar quote around it, so lastgroup is always the outer group.
        yield Token(match.lastgroup or "symbol", match.group(), match.start())


def moved(text: str, names: Mapping[TableName, TableName]) -> str:
    """The same DDL, with each relation of `names` under its new name."""
    return "".join(_moved_parts(text, names)) if names else text


def _moved_parts(text: str, names: Mapping[TableName, TableName]) -> Iterator[str]:
    remaining = list(tokens(text))
    place = 0
    while place < len(remaining):
        token = remaining[place]
        chain = _chain(remaining, place)
        if len(chain) >= 2 and (found := names.get(TableName(*chain[:2]))):
            yield _quoted(found)
            place += 3
            continue
        if chain:
            yield "".join(part.text for part in remaining[place : place + 2 * len(chain) - 1])
            place += 2 * len(chain) - 1
            continue
        yield _moved_quote(token, text, names)
        place += 1


def _chain(found: list[Token], place: int) -> list[str]:
    """The names of `a.b.c` that begins here."""
    names: list[str] = []
    while place < len(found) and (name := found[place].name) is not None:
        names.append(name)
        if place + 1 >= len(found) or found[place + 1].text != ".":
            break
        place += 2
    return names


def _moved_quote(token: Token, text: str, names: Mapping[TableName, TableName]) -> str:
    if token.kind == "dollar" and token.text.startswith(TAG):
        return TAG + moved(token.text[len(TAG) : -len(TAG)], names) + TAG
    if token.kind == "literal" and _REGCLASS.match(text, token.start + len(token.text)):
        return _moved_literal(token.text, names)
    return token.text


def _moved_literal(literal: str, names: Mapping[TableName, TableName]) -> str:
    """`'schema.name'`, as quote_literal writes it."""
    doubled = "\\\\" if literal[0] in "eE" else "\\"
    inner = literal[literal.index("'") + 1 : -1].replace("''", "'").replace(doubled, "\\")
    chain = _chain(list(tokens(inner)), 0)
    found = names.get(TableName(*chain)) if len(chain) == 2 else None
    return sql.Literal(_quoted(found)).as_string(None) if found else literal


def _quoted(name: TableName) -> str:
    return name.identifier.as_string(None)
