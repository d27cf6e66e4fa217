"""Imports go one way, core reads nothing outside, and importing pipelines loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAIRS = [("monitoring", "pipelines"), ("daemon", "pipelines"), ("pipelines", "daemon")]
LIGHT = ["pipelines", "pipelines.core.lens", "pipelines.database.connection", "pipelines.cli"]

# Each part of pipelines, and the parts that it may import besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "sample": set(),
    "report_assets": set(),
    "defs": set(),
    "settings": {"core"},
    "database": {"core"},
    "steps": {"core", "database", "settings"},
    "watching": {"core", "database", "steps"},
    "orchestration": {"core", "database", "steps", "settings", "watching"},
    "terminal": {"core"},
    "component": {"core", "orchestration"},
    "definitions": {"core", "component", "defs", "orchestration", "settings"},
    "commands": {
        "core",
        "database",
        "steps",
        "sample",
        "settings",
        "orchestration",
        "component",
        "terminal",
        "watching",
    },
    "cli": {"core", "database", "steps", "sample", "settings", "orchestration", "component", "commands", "terminal"},
}
DAGSTER_WORDS = {"orchestration", "component", "definitions", "commands", "cli"}

# What core is made of: values, types, and SQL composed but never sent.
CORE_LIBRARIES = {
    "__future__", "base64", "collections", "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions",
    "functools", "graphlib", "hashlib", "html", "importlib", "itertools", "json", "math", "operator", "psycopg",
    "pydantic", "pydantic_core", "re", "string", "textwrap", "types", "typing", "unicodedata", "uuid", "yaml",
}  # fmt: skip
CLOCKS_AND_CHANCE = {"now", "utcnow", "today", "uuid1", "uuid4", "getenv", "urandom"}


@dataclass(frozen=True)
class Import:
    """One import statement's module, with the part of pipelines that it stands in."""

    part: str
    module: str
    place: str

    @property
    def target(self) -> str | None:
        """The part of pipelines that it imports, None where it imports something else."""
        package, _, rest = self.module.partition(".")
        return rest.partition(".")[0] if package == "pipelines" and rest else None


def modules(folder: str = "pipelines") -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def part_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "pipelines").with_suffix("").parts
    return parts[0]


def imports(path: Path, part: str) -> Iterator[Import]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        match node:
            case ast.Import(names=names):
                yield from (Import(part, alias.name, place) for alias in names)
            case ast.ImportFrom(module="pipelines", names=names):
                yield from (Import(part, f"pipelines.{alias.name}", place) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield Import(part, module, place)
            case ast.ImportFrom():
                yield Import(part, "pipelines.<relative>", place)
            case _:
                pass


ALL = [found for path in modules() if part_of(path) != "__init__" for found in imports(path, part_of(path))]


def test_every_part_has_its_place_in_the_order() -> None:
    assert {part_of(path) for path in modules()} - {"__init__"} <= set(MAY_IMPORT)


def test_imports_go_one_way() -> None:
    wrong = [
        f"{found.place} imports {found.module}"
        for found in ALL
        if found.target is not None and found.target not in MAY_IMPORT[found.part] | {found.part}
    ]
    assert wrong == []


def test_only_orchestration_and_the_command_speak_of_dagster() -> None:
    wrong = [f.place for f in ALL if f.module.partition(".")[0].startswith("dagster") and f.part not in DAGSTER_WORDS]
    assert wrong == []


def test_core_is_made_of_values_alone() -> None:
    libraries = [f for f in ALL if f.part == "core" and f.target is None]
    wrong = [f"{f.place} {f.module}" for f in libraries if f.module.partition(".")[0] not in CORE_LIBRARIES]
    drivers = [f.place for f in libraries if f.module.startswith("psycopg.") and f.module != "psycopg.sql"]
    assert wrong + drivers == []


def test_core_asks_neither_clock_nor_chance_nor_file() -> None:
    assert [place for path in modules("pipelines/core") for place in outside_calls(path)] == []


def outside_calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCKS_AND_CHANCE:
                yield f"{path.name}:{node.lineno} {name}"
            case ast.Call(func=ast.Name(id="open" | "input" | "print")):
                yield f"{path.name}:{node.lineno} {ast.unparse(node.func)}"
            case ast.ImportFrom(module="psycopg", names=names) if {alias.name for alias in names} - {"sql"}:
                yield f"{path.name}:{node.lineno} psycopg"
            case _:
                pass


@pytest.mark.parametrize("module", LIGHT)
def test_importing_loads_no_dagster_and_says_nothing(module: str) -> None:
    code = f"import sys, {module}; sys.exit(any(name.split('.')[0] == 'dagster' for name in sys.modules))"
    ended = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_pipelines_offers_the_component_before_it_is_loaded() -> None:
    code = "import pipelines; assert 'Consolidation' in dir(pipelines); print(pipelines.Consolidation.__module__)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stdout.splitlines()[-1:] == ["pipelines.component"], ended.stderr


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_the_other_half_stands_on_its_own(one: str, other: str) -> None:
    found = [f.place for path in modules(one) for f in imports(path, one) if f.module.partition(".")[0] == other]
    assert found == []
