"""An author's SQL expression as text: its placeholders, and what makes it unsafe.

`{name}` is a column; `{{` and `}}` are one brace each. Inside quotes ('...', E'...', "...", $$...$$) every
character stands for itself, braces too, so that '{a,b}' and '{{1,2},{3,4}}' are array literals as written. Quotes
are read as the server reads them with standard_conforming_strings on (PostgreSQL manual 4.1.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{name}` in an expression: a column of the source in a forward, of the target in an inverse."""

    name: str


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # a group of _TOKEN
    text: str


# The server's own lexical rules (scan.l): every character beyond ASCII is a letter, white space is ASCII's, and
# a continued E'...' ('a' newline 'b') keeps its backslash escapes in every part. Where these rules and the
# server's differ, text that we take for quoted would run: keep them alike. A quote that never closes must not
# be read as another kind of quote that does, so `quote` comes before `word`.
_TOKEN = re.compile(
    r"""
      (?P<literal>    [eE]'(?:[^'\\]|''|\\.)*'(?:[ \t\f\v]*[\n\r]\s*'(?:[^'\\]|''|\\.)*')*
                    | '(?:[^']|'')*'
                    | \$(?P<tag>(?:[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)?)\$.*?\$(?P=tag)\$ )
    | (?P<identifier> "(?:[^"]|"")+" )
    | (?P<quote>      [eE]?' | " | \$[\w\x80-\U0010ffff]*\$ )
    | (?P<comment>    -- | /\* )
    | (?P<word>       [A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]* )
    | (?P<number>     [0-9][0-9.]* )
    | (?P<parameter>  \$[0-9]+ )
    | (?P<escape>     \{\{ | \}\} )
    | (?P<placeholder>\{[^{}]+\} )
    | (?P<brace>      [{}] )
    | (?P<open>       [(\[] )
    | (?P<close>      [)\]] )
    | (?P<comma>      , )
    | (?P<semicolon>  ; )
    | (?P<backslash>  [\\\0] )
    | (?P<space>      \s+ )
    | (?P<symbol>     . )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)

_FORBIDDEN = {
    "comment": "a comment ({text}); leave it out",
    "parameter": "a parameter ({text}); name a column as {{name}}",
    "brace": "a brace without its partner ({text}); write {{name}} for a column, {{{{ or }}}} for a brace",
    "semicolon": "a semicolon; give one expression, not statements",
    "quote": "a quote that is never closed ({text})",
    "backslash": "a backslash or NUL outside of quotes",
}

_STATEMENT = re.compile(
    "alter|analyze|begin|call|close|cluster|comment|commit|copy|create|deallocate|declare|delete|discard|do"
    "|drop|end|execute|explain|fetch|grant|import|insert|listen|load|lock|merge|move|notify|prepare|reassign"
    "|refresh|reindex|release|reset|revoke|rollback|savepoint|security|set|show|start|truncate|unlisten"
    "|update|vacuum|with"
)

# `comment is not null` begins with a column's name, not with a statement.
_OPERATOR_WORD = re.compile("and|at|between|collate|ilike|in|is|isnull|like|not|notnull|operator|or|overlaps|similar")


def placeholders(text: str) -> tuple[str, ...]:
    """The columns that the expression names, each once, in the order of their first use."""
    return tuple(dict.fromkeys(part.name for part in split(text) if isinstance(part, Placeholder)))


def split(text: str) -> tuple[str | Placeholder, ...]:
    """The expression as runs of SQL text, `{{` and `}}` unescaped, and placeholders between them.

    The text is that of one in which `scan` finds nothing; a per cent sign in it is as written, not doubled.
    """
    parts: list[str | Placeholder] = []
    for token in _tokens(text):
        part = _part(token)
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        else:
            parts.append(part)
    return tuple(parts)


def scan(text: str) -> list[str]:
    """What makes the text unsafe, or no expression over one row; empty when nothing does.

    Each entry reads after "has": `a semicolon; give one expression, not statements`. Refused are statements,
    subqueries, window functions, comments, parameters, several expressions, and what is not closed.
    """
    if not text.strip():
        return ["no text; give an SQL expression"]
    tokens = [token for token in _tokens(text) if token.kind != "space"]
    found = [*_forbidden(tokens), *_unbalanced(tokens), *_queries(tokens)]
    return list(dict.fromkeys(found))


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        # `tag` closes before the literal around it, so lastgroup is always the outer group.
        yield _Token(match.lastgroup or "symbol", match.group())


def _part(token: _Token) -> str | Placeholder:
    match token.kind:
        case "placeholder":
            return Placeholder(token.text[1:-1])
        case "escape":
            return token.text[0]
        case _:
            return token.text


def _forbidden(tokens: list[_Token]) -> Iterator[str]:
    for token in tokens:
        if token.kind in _FORBIDDEN:
            yield _FORBIDDEN[token.kind].format(text=token.text)


def _unbalanced(tokens: list[_Token]) -> Iterator[str]:
    partners = {")": "(", "]": "["}
    waiting: list[str] = []
    for token in tokens:
        if token.kind == "open":
            waiting.append(token.text)
        elif token.kind == "close" and (not waiting or waiting.pop() != partners[token.text]):
            yield f"a {token.text} that nothing opened"
            return
        elif token.kind == "comma" and not waiting:
            yield "a comma outside of parentheses; give one expression"
    if waiting:
        yield f"a {waiting[-1]} that is never closed"


def _queries(tokens: list[_Token]) -> Iterator[str]:
    pairs = list(pairwise([*tokens, _Token("end", "")]))
    if _begins_statement(*pairs[0]):
        yield f"a statement ({tokens[0].text.upper()}); give an expression over one row"
    for token, after in pairs:
        word = _word(token)
        if word in ("select", "table") or (word == "values" and after.text == "("):
            yield f"a query ({token.text.upper()}); an expression reads one row only"
        if word == "over" and after.text == "(":
            yield "a window function (OVER); an expression reads one row only"


def _begins_statement(first: _Token, after: _Token) -> bool:
    operand = after.kind in ("word", "identifier", "literal", "number", "placeholder")
    begins = _STATEMENT.fullmatch(_word(first)) is not None
    return begins and operand and _OPERATOR_WORD.fullmatch(_word(after)) is None


def _word(token: _Token) -> str:
    return token.text.lower() if token.kind == "word" else ""
