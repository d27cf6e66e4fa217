"""The Component holds the spec of its folder's file, however Dagster comes to it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

import pipelines.defs
from pipelines.component import Consolidation
from pipelines.core.errors import SpecError
from pipelines.core.spec import Spec
from pipelines.core.spec_file import parse_spec

PROJECT = Path(__file__).parents[2]


def load(name: str) -> Spec:
    tree = dg.ComponentTree.from_module(pipelines.defs, project_root=PROJECT)
    return tree.load_component(name, Consolidation).spec


@pytest.mark.parametrize("name", ["issues", "files"])
def test_a_folder_is_loaded_as_its_file_says(name: str) -> None:
    text = (PROJECT / "pipelines/defs" / name / "defs.yaml").read_text(encoding="utf-8")
    assert load(name) == parse_spec(name, text, "defs.yaml")


def test_the_type_that_a_file_names_is_the_component() -> None:
    assert pipelines.Consolidation is Consolidation


def test_attributes_without_a_file_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "orders").mkdir()
    monkeypatch.chdir(tmp_path / "orders")
    made = Consolidation.from_attributes_dict(attributes={"target": "a", "sources": [{"table": "b"}]})
    assert isinstance(made, Consolidation)
    assert (made.spec.name, str(made.spec.target), made.spec.target_line) == ("orders", "public.a", None)


def test_attributes_without_a_file_are_checked_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "orders").mkdir()
    monkeypatch.chdir(tmp_path / "orders")
    with pytest.raises(SpecError, match=r"public\.a is the target and a source of it"):
        Consolidation.from_attributes_dict(attributes={"target": "a", "sources": [{"table": "a"}]})
