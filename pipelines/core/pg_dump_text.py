"""What `pg_dump --schema-only --verbose` prints, as entries that keep their object's oid and dependencies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.core.ddl_text import tokens

_TOC = re.compile(r"-- TOC entry (?P<toc>\d+) \(class (?P<class_oid>\d+) OID (?P<oid>\d+)\)")
_DEPENDS = re.compile(r"-- Dependencies: (?P<numbers>[\d ]+)")
_NAME = re.compile(r"-- Name: (?P<name>.*); Type: (?P<kind>[A-Z ]+); Schema: (?P<schema>.*); Owner: .*")
_END = ("-- Completed on", "-- PostgreSQL database dump complete")
# State that pg_dump sets where it changes; it stands behind the entry before the one it is for.
_SETTING = re.compile(r"\s*\bSET (?P<name>default_\w+) = (?P<value>[^;\n]*);\s*\Z")
_USUAL = {"default_tablespace": "''", "default_table_access_method": "heap"}


@dataclass(frozen=True, slots=True)
class DumpedEntry:
    """One entry of pg_dump's table of contents; `class_oid` is 0 for what has no oid of its own (a comment, an ACL)."""

    toc: int
    class_oid: int
    oid: int
    depends: tuple[int, ...]
    kind: str
    schema: str
    name: str
    text: str


@dataclass(slots=True)
class _Draft:
    toc: int
    class_oid: int
    oid: int
    depends: tuple[int, ...] = ()
    kind: str = ""
    schema: str = ""
    name: str = ""
    body: list[str] = field(default_factory=list)

    def entry(self, text: str) -> DumpedEntry:
        """It, finished."""
        return DumpedEntry(self.toc, self.class_oid, self.oid, self.depends, self.kind, self.schema, self.name, text)


def entries(text: str) -> Iterator[DumpedEntry]:
    """Every entry, in pg_dump's order; a tablespace or access method that is not the usual one is set around it."""
    state = dict(_USUAL)
    for draft in _drafts(text):
        body, changed = _split_settings("".join(draft.body).strip())
        if draft.toc:
            yield draft.entry(_with_settings(body, state))
        state |= changed


def _drafts(text: str) -> Iterator[_Draft]:
    """What stands before the first entry is a draft too, without a number: settings may be in it."""
    draft = _Draft(0, 0, 0)
    for token in tokens(text):
        if token.kind != "comment":
            draft.body.append(token.text)
        elif token.text.startswith(_END):
            break
        elif toc := _TOC.fullmatch(token.text):
            yield draft
            draft = _Draft(int(toc["toc"]), int(toc["class_oid"]), int(toc["oid"]))
        elif depends := _DEPENDS.fullmatch(token.text.rstrip()):
            draft.depends = tuple(map(int, depends["numbers"].split()))
        elif named := _NAME.fullmatch(token.text):
            draft.kind, draft.schema, draft.name = named["kind"], named["schema"], named["name"]
    yield draft


def _split_settings(body: str) -> tuple[str, dict[str, str]]:
    found: dict[str, str] = {}
    while match := _SETTING.search(body):
        found = {match["name"]: match["value"], **found}
        body = body[: match.start()]
    return body, found


def _with_settings(body: str, state: dict[str, str]) -> str:
    unusual = [name for name, value in state.items() if value != _USUAL.get(name)]
    before = "".join(f"SET {name} = {state[name]};\n" for name in unusual)
    after = "".join(f"\nSET {name} = {_USUAL[name]};" for name in unusual if name in _USUAL)
    return before + body + after
