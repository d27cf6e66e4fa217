"""A json column takes documents that jsonb cannot hold: such an edit stands in the way of its row alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from pipelines.core.reconciliation import Blocking, RollbackOptions
from pipelines.core.spec_file import parse_spec
from pipelines.steps.surroundings import Surroundings
from tests.databases import Database
from tests.driving import Driver
from tests.dump import dump
from tests.folding import Folding, spec_text

NewDatabase = Callable[..., Database]

TABLES = """
CREATE TABLE public.things (id int PRIMARY KEY, doc json);
CREATE TABLE public.old (id int PRIMARY KEY, note text, size int NOT NULL, lost text);
INSERT INTO public.old SELECT n, 'note ' || n, n, 'lost' FROM generate_series(11, 15) n;
"""
SPEC = spec_text(
    "public.things",
    """
    table: public.old
    columns: {note: doc.note, size: doc.deep.size, lost: {to: doc.lost, forward: "'gone'", lossy: true}}
    """,
    more="approval: none",
)
UNREADABLE = pytest.mark.parametrize("value", [r'"\u0000"', r'"\ud800"', "1e999999"], ids=["null", "surrogate", "huge"])
ASIDE = RollbackOptions(set_aside=True)


def edited(value: str) -> str:
    """A document as an application writes it."""
    return f'{{"note": "edited",  "deep": {{"size": 3}}, "lost": "gone", "more": {value}}}'


def folded(database: Database, value: str) -> tuple[Folding, str]:
    """With one such document, and one edit that can go home; the dump of before."""
    before = dump(database)
    folding = Folding(database, SPEC)
    folding.fold()
    database.run(f"UPDATE things SET doc = '{edited(value)}' WHERE id = 11")
    database.run("""UPDATE things SET doc = '{"note": "good", "deep": {"size": 12}, "lost": "gone"}' WHERE id = 12""")
    return folding, before


@UNREADABLE
def test_it_blocks_its_row(new_database: NewDatabase, value: str) -> None:
    folding, _ = folded(new_database(TABLES), value)
    verdict = folding.undo_as_planned()
    assert {blocked.kind for blocked in verdict.blocked} == {Blocking.NO_COUNTERPART}
    assert {blocked.key for blocked in verdict.blocked} == {("11",)}
    reasons = " ".join(blocked.reason for blocked in verdict.blocked)
    assert "doc.note" in reasons
    assert "doc.deep.size" in reasons


@UNREADABLE
def test_set_aside_it_is_there_again_after_the_next_fold(new_database: NewDatabase, value: str) -> None:
    database = new_database(TABLES)
    folding, before = folded(database, value)
    folding.undo_as_planned(ASIDE)
    assert database.rows("SELECT note, size FROM old WHERE id IN (11, 12) ORDER BY id") == [
        ("note 11", 11),
        ("good", 12),
    ]
    database.run("UPDATE old SET note = 'note 12' WHERE id = 12")
    assert dump(database) == before
    folding.fold()
    assert database.value("SELECT doc::text FROM things WHERE id = 11") == edited(value)
    folding.undo_as_planned(ASIDE)
    assert dump(database) == before


@UNREADABLE
def test_the_source_has_the_last_word_where_it_was_edited_meanwhile(new_database: NewDatabase, value: str) -> None:
    database = new_database(TABLES)
    folding, _ = folded(database, value)
    folding.unfold(ASIDE)
    database.run("UPDATE old SET note = 'newer' WHERE id = 11")
    folding.fold()
    assert database.rows("SELECT doc ->> 'note', doc #>> '{deep,size}' FROM things WHERE id = 11") == [("newer", "11")]


def test_the_whole_way_with_its_report(new_database: NewDatabase, tmp_path: Path) -> None:
    database = new_database(TABLES)
    surroundings = Surroundings(
        database.url, tmp_path, lambda: datetime.now(UTC), uuid4, lambda _: None, lambda _: None, "ada"
    )
    driver = Driver(surroundings, parse_spec("things", SPEC, "defs.yaml"))
    driver.fold()
    database.run(f"UPDATE things SET doc = '{edited(chr(34) + chr(92) + 'u0000' + chr(34))}' WHERE id = 11")
    assert not driver.verdict().can_be_undone
    driver.unfold(ASIDE)
    (saved,) = tmp_path.rglob("set-aside-*.jsonl")
    assert "u0000" in saved.read_text()
    driver.fold()
    (latest, *_) = sorted(tmp_path.rglob("report.html"), key=lambda path: path.stat().st_mtime, reverse=True)
    assert "note 15" in latest.read_text()
    assert "note 11" not in latest.read_text()
