"""The folders of tests/cases: one consolidation each, that a person can read in a minute.

before.sql           the tables and their rows; the comment at its head says what the case is about
defs.yaml            the spec
plan.txt             what `pgfold plan` says
edits.sql            what people do to the target and its children while the fold is in force
blocked.txt          where rows cannot all go home: what `pgfold rollback --plan` says, each time
remedy.sql           where the catalog stands in the way: what a person then does about it
unfolded_edits.sql   what people do to the sources once they are back
after.txt            what is in the tables at each point of the way
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.core.spec import Spec
from pipelines.core.spec_file import parse_spec

_FOLDER = Path(__file__).parent / "cases"
_VARYING = (
    (re.compile(r"(?m)(?<= plan )[0-9a-f]{6}$"), "......"),
    (re.compile(r"(?m)^(  proof .*  )[0-9.]+ m?s$"), r"\g<1>... s"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One folder; `writing` writes the texts that are compared instead."""

    folder: Path
    writing: bool = False

    @property
    def name(self) -> str:
        """The folder's, and the consolidation's."""
        return self.folder.name

    @property
    def spec(self) -> Spec:
        """The consolidation."""
        path = self.folder / "defs.yaml"
        return parse_spec(self.name, path.read_text(encoding="utf-8"), "defs.yaml")

    def script(self, name: str) -> str:
        """One of its SQL files; empty where it has none of that name."""
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def expected(self, name: str, actual: str) -> str:
        """The text that `actual` must be, without what varies; empty where there is no such file."""
        path = self.folder / name
        if self.writing:
            path.write_text(f"{actual}\n", encoding="utf-8") if actual else path.unlink(missing_ok=True)
        return path.read_text(encoding="utf-8").removesuffix("\n") if path.exists() else ""


def cases() -> list[Path]:
    """Every folder."""
    return sorted(path.parent for path in _FOLDER.glob("*/defs.yaml"))


def without_what_varies(text: str) -> str:
    """A plan's hash depends on the server's version, and its time on the machine."""
    for pattern, shown in _VARYING:
        text = pattern.sub(shown, text)
    return text
