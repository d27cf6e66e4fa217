"""YAML text as a tree in which every value knows its line.

Values are those of YAML 1.2: `null` and `~`, `true` and `false`, and numbers where they are written as they print.
Everything else is text, so that `2026-01-01`, `007`, `1.10` and `12:30` keep their characters. Refused, each with
its line: a key that stands twice in one mapping, `yes`, `no`, `on`, `off` without quotes (a truth value to some
readers, Dagster's among them), merge keys, tags, and several documents.
"""

from __future__ import annotations

import re
from collections import abc
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from pipelines.core.findings import Finding, error
from pipelines.core.spec import Scalar

Path = tuple[str | int, ...]
LinesByPath = abc.Mapping[Path, int]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar."""

    value: Scalar
    line: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping, the key's line, and what it holds."""

    key: Scalar
    line: int
    node: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping, in the order written."""

    entries: tuple[Entry, ...]
    line: int

    def get(self, key: str) -> Node | None:
        """What stands under the key, or None."""
        return next((entry.node for entry in self.entries if entry.key == key), None)


Node = Leaf | Sequence | Mapping


def read_yaml(text: str) -> tuple[Node | None, tuple[Finding, ...]]:
    """The tree, or None where the text is empty or no YAML; and every mistake, each with its 1-based line."""
    try:
        documents = list(yaml.compose_all(text, Loader=_Loader))
        builder = _Builder([_several(document) for document in documents[1:2]])
        built = [builder.build(document) for document in documents[:1]]
    except yaml.YAMLError as problem:
        return None, (_syntax(problem, text),)
    except RecursionError:
        return None, (error("yaml", "file", "lists or mappings nested too deeply", "write them flatter", 1),)
    if not built:
        return None, (error("yaml", "file", "the file is empty", "write type: and attributes:", 1),)
    return built[0], tuple(builder.findings)


def plain(node: Node) -> Any:
    """The values without their lines: dict, list and scalars."""
    match node:
        case Leaf(value):
            return value
        case Sequence(items):
            return [plain(item) for item in items]
        case Mapping(entries):
            return {entry.key: plain(entry.node) for entry in entries}


def lines_of(node: Node) -> dict[Path, int]:
    """The line of every value by its path from here; a mapping's value has the line of its key."""
    return dict(_lines(node, (), node.line))


def nearest_line(lines: LinesByPath, path: Path) -> int | None:
    """The line of what stands at the path, or of the closest that encloses it; None where no line is known."""
    return next((lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines), None)


def without(node: Node, paths: frozenset[Path]) -> Node:
    """The tree less what stands at these paths; items of a list move up."""
    match node:
        case Leaf():
            return node
        case Sequence(items, line):
            kept = (without(item, _below(paths, at)) for at, item in enumerate(items) if (at,) not in paths)
            return Sequence(tuple(kept), line)
        case Mapping(entries, line):
            left = (entry for entry in entries if (_name(entry.key),) not in paths)
            pruned = (replace(entry, node=without(entry.node, _below(paths, _name(entry.key)))) for entry in left)
            return Mapping(tuple(pruned), line)


def _below(paths: frozenset[Path], head: str | int) -> frozenset[Path]:
    return frozenset(path[1:] for path in paths if path[:1] == (head,))


def _lines(node: Node, path: Path, line: int) -> Iterator[tuple[Path, int]]:
    yield path, line
    match node:
        case Sequence(items):
            for number, item in enumerate(items):
                yield from _lines(item, (*path, number), item.line)
        case Mapping(entries):
            for entry in entries:
                yield from _lines(entry.node, (*path, _name(entry.key)), entry.line)
        case Leaf():
            return


def _name(key: Scalar) -> str | int:
    """The key as pydantic names it in the location of an error."""
    return key if isinstance(key, str | int) else str(key)


_STANDARD = "tag:yaml.org,2002:"
_AMBIGUOUS = "ambiguous"
_PLAIN = (
    ("null", re.compile(r"(?:~|null|Null|NULL|)\Z"), "~nN"),
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), "tTfF"),
    ("int", re.compile(r"(?:0|-?[1-9][0-9]{0,17})\Z"), "-0123456789"),
    ("float", re.compile(r"-?[0-9]+\.[0-9]+\Z"), "-0123456789"),
    (_AMBIGUOUS, re.compile(r"(?:yes|no|on|off)\Z", re.IGNORECASE), "yYnNoO"),
)


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """PyYAML's table: first character of an unquoted scalar ("" for an empty one) -> tags and their patterns."""
    table: dict[str, list[tuple[str, re.Pattern[str]]]] = {"": [(_STANDARD + "null", _PLAIN[0][1])]}
    for name, pattern, first in _PLAIN:
        for character in first:
            table.setdefault(character, []).append((_STANDARD + name, pattern))
    return table


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with the scalars of YAML 1.2 in place of its own, which are those of YAML 1.1."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = _resolvers()


@dataclass(slots=True)
class _Builder:
    """Walks PyYAML's nodes; collects what it must refuse and goes on."""

    findings: list[Finding]
    open: list[yaml.Node] = field(default_factory=list)

    def build(self, node: yaml.Node) -> Node:
        line = node.start_mark.line + 1
        if node in self.open:
            self._refuse(line, "alias", "an alias that contains itself", "write the value out")
            return Leaf(None, line)
        self.open.append(node)
        built = self._build(node, line)
        self.open.pop()
        return built

    def _build(self, node: yaml.Node, line: int) -> Node:
        match node:
            case yaml.ScalarNode():
                return Leaf(self._scalar(node, line), line)
            case yaml.SequenceNode():
                return Sequence(tuple(self.build(item) for item in node.value), line)
            case yaml.MappingNode():
                return Mapping(tuple(self._entries(node)), line)
            case _:
                raise AssertionError(node)

    def _entries(self, node: yaml.MappingNode) -> Iterator[Entry]:
        seen: dict[Scalar, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(line, "key", "a key that is a list or a mapping", "write the key as text")
                continue
            key = self._scalar(key_node, line)
            if key in seen:
                message = f'"{key_node.value}" stands twice here, first in line {seen[key]}'
                self._refuse(line, "duplicate_key", message, "keep one of them")
            elif key == "<<" and key_node.style is None:
                self._refuse(line, "merge_key", "a merge key (<<)", "write the entries out")
            else:
                yield Entry(key, line, self.build(value_node))
            seen.setdefault(key, line)

    def _scalar(self, node: yaml.ScalarNode, line: int) -> Scalar:
        text: str = node.value
        match node.tag.removeprefix(_STANDARD):
            case "str":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text)
            case "float":
                return float(text) if repr(float(text)) == text else text
            case "ambiguous":
                self._refuse_word(text, line)
                return text
            case tag:
                self._refuse(line, "tag", f"the tag {tag}", "leave it out; quote what should stay text")
                return text

    def _refuse_word(self, text: str, line: int) -> None:
        value = "true" if text.lower() in ("yes", "on") else "false"
        message = f"{text} without quotes is {value} to some YAML readers and text to others"
        self._refuse(line, "ambiguous", message, f'write {value}, or "{text}" in quotes')

    def _refuse(self, line: int, rule: str, message: str, remedy: str) -> None:
        self.findings.append(error(rule, "file", message, remedy, line))


def _several(document: yaml.Node) -> Finding:
    line = document.start_mark.line + 1
    return error("documents", "file", "a second YAML document", "write one consolidation a file", line)


def _syntax(problem: yaml.YAMLError, text: str) -> Finding:
    remedy = "check indentation, colons and quotes here"
    match problem:
        case yaml.MarkedYAMLError(problem=what, problem_mark=yaml.Mark() as mark):
            return error("yaml", "file", f"not YAML: {what} (column {mark.column + 1})", remedy, mark.line + 1)
        case yaml.reader.ReaderError(position=position):
            message = f"not YAML: the character {text[position]!r} may not stand in it"
            line = text.count("\n", 0, position) + 1
            return error("yaml", "file", message, "write it as an escape in double quotes", line)
        case _:
            return error("yaml", "file", f"not YAML: {problem}", remedy, 1)
