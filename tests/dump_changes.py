"""What differs between two dumps, in lines that a person can read: rows by table, then clauses of statements."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

_ROWS = re.compile(r"COPY (\S.*?) \((.*)\) FROM stdin;")
_RANDOM = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")
_MOMENT = re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{4,6}\+00")
_POSITION = re.compile(r"SELECT pg_catalog\.setval\('(.+)', (-?\d+), (true|false)\);\n")
_TABLE = re.compile(r"CREATE (?:UNLOGGED )?TABLE (.+) \($")


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table in a dump, as COPY writes them, and the names of their columns."""

    columns: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dumped:
    """A dump: the rows of each table, and everything else as clauses, a line each."""

    tables: Mapping[str, Rows]
    clauses: tuple[str, ...]


def read_dump(text: str) -> Dumped:
    """The parts of a dump."""
    tables: dict[str, Rows] = {}
    clauses: list[str] = []
    lines = iter(text.splitlines())
    statement: list[str] = []
    for line in lines:
        if found := _ROWS.fullmatch(line):
            tables[found[1]] = Rows(found[2], tuple(iter(lines.__next__, "\\.")))
        elif line:
            statement.append(line)
        else:
            clauses += _clauses(statement)
            statement = []
    return Dumped(tables, (*clauses, *_clauses(statement)))


def _clauses(statement: list[str]) -> Iterator[str]:
    """A table's columns each by itself, any other statement in one line.

    Settings of the session are none, nor are the triggers that follow changed keys of a target, as they always do.
    """
    if not statement or statement[0].startswith("SET ") or " TRIGGER pgfold_key" in " ".join(statement):
        return
    if made := _TABLE.fullmatch(statement[0]):
        yield f"TABLE {made[1]}"
        yield from (f"{made[1]}: {line.strip().removesuffix(',')}" for line in statement[1:-1])
    else:
        yield re.sub(r"\s+", " ", " ".join(statement))


def changes(before: str, after: str) -> str:
    """The rows and clauses that only one of the two has; empty where both hold the same."""
    old, new = read_dump(before), read_dump(after)
    lines: list[str] = []
    for name in sorted({*old.tables, *new.tables}):
        lines += _table(name, old.tables.get(name), new.tables.get(name), whole=False)
    return _numbered([*lines, *_schema(old.clauses, new.clauses)])


def folded(before: str, after: str) -> str:
    """Every row of the changed tables that are there, and what is new in the schema: not what left with a source."""
    old, new = read_dump(before), read_dump(after)
    lines: list[str] = []
    for name in sorted(new.tables):
        lines += _table(name, old.tables.get(name), new.tables[name], whole=True)
    return _numbered([*lines, *_schema((), [clause for clause in new.clauses if clause not in old.clauses])])


def without_positions(dump: str) -> tuple[str, dict[str, tuple[int, bool]]]:
    """The dump without the positions of its sequences, and these: how far each came, and whether that was drawn."""
    positions = {found[1]: (int(found[2]), found[3] == "true") for found in _POSITION.finditer(dump)}
    return _POSITION.sub("", dump), positions


def _table(name: str, old: Rows | None, new: Rows | None, *, whole: bool) -> Iterator[str]:
    if old == new:
        return
    gone, come = Counter(old.rows if old else ()), Counter(new.rows if new else ())
    marked = [(row, "-") for row in (gone - come).elements()] + [(row, "+") for row in (come - gone).elements()]
    if whole:
        marked += [(row, " ") for row in (gone & come).elements()]
    columns = new.columns if new else old.columns if old else ""
    yield f"{name}: {columns.replace(', ', ' | ')}"
    yield from (f"  {mark} {_shown(row)}".rstrip() for row, mark in sorted(marked, key=_order))


def _order(marked: tuple[str, str]) -> tuple[str, ...]:
    """By what is the same in every run."""
    row, mark = marked
    return (_MOMENT.sub("", _RANDOM.sub("", row)), mark, row)


def _numbered(lines: Iterable[str]) -> str:
    """Random uuids get the number of their first appearance, moments of this run a word.

    Lines that differ by such uuids alone come in the order of the numbers that these have already.
    """
    numbers: dict[str, int] = {}
    told: list[str] = []
    for _, alike in groupby(lines, lambda line: _MOMENT.sub("", _RANDOM.sub("", line))):
        for line in sorted(alike, key=lambda line: [numbers.get(u, len(numbers) + 1) for u in _RANDOM.findall(line)]):
            for uuid in _RANDOM.findall(line):
                numbers.setdefault(uuid, len(numbers) + 1)
            told.append(_RANDOM.sub(lambda found: f"(uuid {numbers[found[0]]})", line))
    return _MOMENT.sub("(this moment)", "\n".join(told))


def _shown(row: str) -> str:
    """Bars for tabs, a sign of its own for NULL; COPY's escapes stay."""
    return " | ".join("∅" if value == "\\N" else value for value in row.split("\t"))


def _schema(old: Iterable[str], new: Iterable[str]) -> Iterator[str]:
    gone, come = Counter(old), Counter(new)
    marked = [f"  - {clause}" for clause in (gone - come).elements()]
    marked += [f"  + {clause}" for clause in (come - gone).elements()]
    if marked:
        yield "schema"
        yield from marked
