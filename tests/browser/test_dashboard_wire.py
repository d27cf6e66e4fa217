"""The page and monitoring/wire.py spell each field alike, and the page's files keep to what it promises."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from monitoring import wire
from tests.browser.fix_dashboard import ROOT

DASHBOARD = ROOT / "dashboard"
SCRIPTS = sorted(DASHBOARD.glob("*.js"))
STYLES = sorted(DASHBOARD.glob("*.css"))


def listed() -> dict[str, list[str]]:
    """The names of dashboard/wire.js."""
    text = (DASHBOARD / "wire.js").read_text(encoding="utf-8")
    return {
        name: json.loads(f"[{fields.strip().rstrip(',')}]") for name, fields in re.findall(r"(\w+): \[([^\]]*)\]", text)
    }


@pytest.mark.parametrize("name", listed())
def test_a_message_has_the_same_fields_on_both_sides(name: str) -> None:
    struct = getattr(wire, name)
    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, msgspec.inspect.StructType)
    own = {field.encode_name for field in info.fields} | ({info.tag_field} if info.tag_field else set())
    assert set(listed()[name]) == own


def test_every_message_that_the_page_reads_is_listed() -> None:
    structs = {name for name, found in vars(wire).items() if getattr(found, "__struct_fields__", ())}
    of_ingest = {"Event", "SourceId", "IngestHello", "Batch", "Lost", "Welcome", "Refused", "Ack", "LostAck"}
    assert structs - of_ingest - set(listed()) == set()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.name))
def test_a_script_writes_text_only_and_stays_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\(.style"
    assert re.findall(forbidden, text) == []
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|:\d{4}\b", re.sub(r"h\(.*?href: \"#\w+\"", "", text)) == []
    assert text.count("\n") < 300


@pytest.mark.parametrize("path", [path for path in STYLES if path.name != "theme.css"], ids=lambda path: str(path.name))
def test_only_the_theme_has_colours(path: Path) -> None:
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl)a?\(", path.read_text(encoding="utf-8")) == []


def test_light_paper_and_dark_name_the_same_colours() -> None:
    text = (DASHBOARD / "theme.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    names = [set(re.findall(r"(--[\w-]+):", block)) for block in blocks]
    assert len(names) == 3
    assert names[0] == names[1] == names[2]


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    text = (DASHBOARD / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)", text) == []
    assert re.findall(r"https?://", text) == []
