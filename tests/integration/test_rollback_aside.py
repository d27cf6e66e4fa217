"""What cannot go home is set aside, saved beside the backup, and comes back with the next cut-over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.core.reconciliation import RollbackOptions
from pipelines.database import set_aside
from tests.databases import Templates
from tests.dump import dump
from tests.folding import Folding, spec_text

TABLES = """
CREATE TABLE public.things (id int PRIMARY KEY, title text NOT NULL, state text, doc jsonb, parent int);
CREATE TABLE public.comments (
    n int PRIMARY KEY, thing int NOT NULL REFERENCES public.things ON DELETE CASCADE, body char(9), at timestamptz,
    tags text[]
);
CREATE TABLE public.likes (
    comment int REFERENCES public.comments (n), who text, twice text GENERATED ALWAYS AS (who || who) STORED,
    PRIMARY KEY (comment, who)
);
CREATE TABLE public.old (id text PRIMARY KEY, title text NOT NULL, status text NOT NULL, note text);
CREATE TABLE public.events (n int PRIMARY KEY, old_id text REFERENCES public.old (id) ON UPDATE CASCADE, what text);
INSERT INTO public.things VALUES (1, 'own', 'open', '{}', NULL), (2, 'own too', 'open', '{}', NULL);
INSERT INTO public.comments VALUES (1, 1, 'own', '2026-11-30 12:00+00', '{a,NULL}');
INSERT INTO public.old SELECT n::text, 'title ' || n, 'OPEN', 'note ' || n FROM generate_series(11, 14) n;
INSERT INTO public.events SELECT n, n::text, 'event ' || n FROM generate_series(11, 14) n;
"""
SPEC = spec_text(
    "public.things",
    """
    table: public.old
    columns:
      status: {to: state, values: {OPEN: open, DONE: done}}
      note: doc.note
    """,
    more="drop_not_null: [title]",
)
ASIDE = RollbackOptions(set_aside=True)


@pytest.fixture(scope="module")
def folded(templates: Templates) -> Iterator[Folding]:
    """Four rows with children, folded; never changed."""
    with templates.clone(TABLES) as database:
        made = Folding(database, SPEC)
        made.fold()
        yield made


@pytest.fixture
def folding(templates: Templates, folded: Folding, tmp_path: Path) -> Iterator[Folding]:
    """The same again, for one test."""
    with templates.copy(folded.database) as database:
        yield replace(folded, database=database, folder=tmp_path)


def saved(folding: Folding) -> list[dict[str, object]]:
    """The lines beside the backup."""
    (file,) = folding.folder.glob("set-aside-*.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_values_rows_and_what_references_them_are_set_aside_and_come_back(folding: Folding) -> None:
    folding.database.run(
        "UPDATE public.things SET state = 'verified' WHERE id = 11;"
        "UPDATE public.things SET title = NULL WHERE id = 12;"
        "UPDATE public.things SET title = NULL WHERE id = 1;"
        "INSERT INTO public.comments VALUES (2, 13, 'since ''', '2026-11-30 12:00+02', '{\"x y\",NULL}');"
        "INSERT INTO public.likes (comment, who) VALUES (1, 'ada'), (2, 'bob');"
        "INSERT INTO public.events VALUES (99, 2, NULL)"
    )
    edited = dump(folding.database)
    assert folding.undo_as_planned().blocked_rows == 5
    verdict = folding.undo_as_planned(ASIDE)
    assert verdict.rows_aside == 8
    assert folding.database.rows("SELECT id, title, status FROM public.old WHERE id < '13' ORDER BY id") == [
        ("11", "title 11", "OPEN"),
        ("12", "title 12", "OPEN"),
    ]
    assert folding.database.value("SELECT count(*) FROM public.comments") == 0
    assert folding.database.value("SELECT count(*) FROM public.likes") == 0
    assert folding.database.rows("SELECT id FROM public.things") == [(2,)]
    assert folding.database.value("SELECT count(*) FROM public.events") == 4
    folding.fold()
    assert dump(folding.database) == edited
    folding.undo_as_planned(ASIDE)
    folding.fold()
    assert dump(folding.database) == edited


def test_what_is_set_aside_is_saved_beside_the_backup(folding: Folding) -> None:
    folding.database.run(
        "UPDATE public.things SET state = 'verified' WHERE id = 11;"
        "INSERT INTO public.comments VALUES (2, 13, 'since', NULL, NULL)"
    )
    folding.undo_as_planned(ASIDE)
    value, row = saved(folding)
    assert value == {"why": "value set aside", "table": "public.things", "key": ["11"], "row": {"state": "verified"}}
    assert row["table"] == "public.comments"
    assert row["row"] == {"n": "2", "thing": "13", "body": "since    ", "at": None, "tags": None}
    with closing(folding.database.connect_as_pgfold()) as connection:
        (kept,) = set_aside.set_aside_rows(connection, folding.name)
    assert kept.reason == "thing '13' references a row of public.things that goes home"


def test_a_row_stays_set_aside_while_its_place_is_taken_or_its_parent_is_gone(folding: Folding) -> None:
    folding.database.run(
        "INSERT INTO public.comments VALUES (2, 13, 'two'), (3, 13, 'three'), (4, 14, 'four');"
        "INSERT INTO public.likes (comment, who) VALUES (2, 'bob'), (3, 'bob')"
    )
    folding.undo_as_planned(ASIDE)
    folding.database.run(
        "INSERT INTO public.comments VALUES (2, 1, 'mine now');"
        "DELETE FROM public.events WHERE old_id = '14'; DELETE FROM public.old WHERE id = '14'"
    )
    folding.fold()
    assert folding.database.rows("SELECT n, thing, rtrim(body) FROM public.comments ORDER BY n") == [
        (1, 1, "own"),
        (2, 1, "mine now"),
        (3, 13, "three"),
    ]
    assert folding.database.rows("SELECT comment, who FROM public.likes ORDER BY comment") == [(2, "bob"), (3, "bob")]
    with closing(folding.database.connect_as_pgfold()) as connection:
        assert [row.row["n"] for row in set_aside.set_aside_rows(connection, folding.name)] == ["2", "4"]


def test_nothing_is_saved_where_nothing_was_set_aside(folding: Folding) -> None:
    folding.undo_as_planned(ASIDE)
    assert not list(folding.folder.iterdir())
