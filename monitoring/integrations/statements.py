"""What an SQL statement does, and to which table, read from its first words; values never leave it."""

from __future__ import annotations

import re
from typing import NamedTuple

from monitoring.conventions import DB_COLLECTION, DB_OPERATION, DB_SYSTEM
from monitoring.recorder import CallSite, call_site
from monitoring.settings import Rule

_MOST_STATEMENTS = 2_000
_LONGEST = 10_000  # characters that are read

_NOISE = re.compile(
    r"\b[eE]'(?:[^'\\]|\\.|'')*'|--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$",  # comments and strings
    re.DOTALL,
)
_WORD = r'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_TABLE = rf"({_WORD}(?:\s*\.\s*{_WORD})?)"
_FIRST = re.compile(r"[A-Za-z]+")
_WRITES = re.compile(r"\b(insert\s+into|update|delete\s+from|merge\s+into)\s+(?:only\s+)?" + _TABLE, re.IGNORECASE)
_FROM = re.compile(r"\bfrom\s+(?:only\s+)?" + _TABLE + r"(?![\w$\"])(?!\s*[.(])", re.IGNORECASE)
_COPY = re.compile(r"\bcopy\s+" + _TABLE, re.IGNORECASE)
_COPIES_OUT = re.compile(r"\bto\s+(stdout|program)\b", re.IGNORECASE)
_OBJECT = re.compile(
    r"\b(?:table|view|index)\s+(?:if\s+(?:not\s+)?exists\s+)?(?:concurrently\s+)?" + _TABLE, re.IGNORECASE
)
_LOCKS = re.compile(r"\bfor\s+(?:no\s+key\s+)?update\b", re.IGNORECASE)

_READS = frozenset({"select", "show", "explain", "fetch", "values", "table", "declare", "move", "close"})


class Statement(NamedTuple):
    """What a statement does: its operation in upper case, the table where one is named, whether it only reads."""

    operation: str
    table: str | None
    reads: bool

    @property
    def name(self) -> str:
        """The event's name, for example db.query or db.insert."""
        return "db.query" if self.operation == "SELECT" else f"db.{self.operation.lower()}"


def read_statement(text: str) -> Statement:
    """What the statement does."""
    plain = _NOISE.sub(" '' ", text[:_LONGEST])
    first = _FIRST.search(plain)
    word = first[0].lower() if first else "unknown"
    if word == "copy":
        found = _COPY.search(plain)
        return Statement("COPY", _table(found[1] if found else None), bool(_COPIES_OUT.search(plain)))
    write = _WRITES.search(plain) if word in ("insert", "update", "delete", "merge", "with", "explain") else None
    if write is not None:
        return Statement(write[1].split()[0].upper(), _table(write[2]), word == "explain")
    if word in _READS or word == "with":
        found = _FROM.search(plain)
        operation = "SELECT" if word == "with" else word.upper()
        return Statement(operation, _table(found[1] if found else None), not _LOCKS.search(plain))
    found = _OBJECT.search(plain)
    return Statement(word.upper(), _table(found[1] if found else None), False)


class StatementSites:
    """The call sites of statements: one an operation and table, found again by the statement's text."""

    __slots__ = ("_by_statement", "by_text")

    def __init__(self) -> None:
        self.by_text: dict[object, CallSite] = {}
        self._by_statement: dict[Statement, CallSite] = {}

    def find(self, key: object, text: str) -> CallSite:
        """The call site of a statement; `key` finds it the next time."""
        statement = read_statement(text)
        site = self._by_statement.get(statement)
        if site is None:
            site = _site(statement)
            if len(self._by_statement) < _MOST_STATEMENTS:
                self._by_statement[statement] = site
        if len(self.by_text) >= _MOST_STATEMENTS:
            self.by_text.clear()  # texts with values in them: none comes again
        self.by_text[key] = site
        return site


def _site(statement: Statement) -> CallSite:
    attributes = {DB_SYSTEM: "postgresql", DB_OPERATION: statement.operation}
    if statement.table is not None:
        attributes[DB_COLLECTION] = statement.table
    return call_site(statement.name, "supabase", "out", Rule.READ if statement.reads else Rule.ALL, attributes)


def _table(text: str | None) -> str | None:
    if text is None:
        return None
    return re.sub(r"\s*\.\s*", ".", text).replace('""', "\0").replace('"', "").replace("\0", '"')
