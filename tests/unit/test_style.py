"""What a reader is promised: short modules, short functions, no error swallowed without a word."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for folder in ("pipelines", "bench") for path in (ROOT / folder).rglob("*.py"))

LONGEST_MODULE = 400
LONGEST_FUNCTION = 50


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_no_module_is_longer_than_a_reader_holds() -> None:
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    assert [f"{path.relative_to(ROOT)} {n}" for path, n in lengths.items() if n > LONGEST_MODULE] == []


def test_no_function_is_longer_than_a_screen() -> None:
    lengths = {
        f"{path.relative_to(ROOT)}:{function.lineno}": (function.end_lineno or 0) - function.lineno + 1
        for path in MODULES
        for function in functions(path)
    }
    assert {place: length for place, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_no_error_is_swallowed_without_a_word() -> None:
    handlers = [
        (f"{path.relative_to(ROOT)}:{node.lineno}", node)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
    ]
    blind = [place for place, node in handlers if node.type is None or ast.unparse(node.type) == "Exception"
             if all(isinstance(statement, ast.Pass | ast.Continue) for statement in node.body)]  # fmt: skip
    assert blind == []


@pytest.mark.parametrize("path", [p for p in MODULES if "pipelines" in p.parts], ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_and_its_public_names_say_what_they_are(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    silent = [node.name for node in public if ast.get_docstring(node) is None]
    assert (ast.get_docstring(tree) is not None, silent) == (True, [])
