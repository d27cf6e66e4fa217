"""Columns go home three ways: what nobody edited comes back exactly, what somebody edited goes home, if it can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from pipelines.core.reconciliation import Blocking, EditedColumn, RollbackOptions
from pipelines.core.schema import TableName
from tests.databases import Database, Templates
from tests.dump import dump
from tests.folding import Folding, spec_text

NewDatabase = Callable[..., Database]

TABLES = """
CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN public.short AS text CHECK (length(VALUE) <= 5);
CREATE TABLE public.things (
    id int PRIMARY KEY, title text, state text, amount numeric, name varchar, code text, feeling text, raw text,
    doc jsonb, rest text DEFAULT 'own'
);
CREATE TABLE public.old (
    id int PRIMARY KEY, title text, status text, cents numeric(6, 2), name varchar(5), mood public.mood,
    short public.short, note text, flags text[], lost text, code text,
    twice int GENERATED ALWAYS AS (length(title) * 2) STORED
);
INSERT INTO public.things VALUES (1, 'own', 'open', 1, 'n', 'c', 'ok', 'r', '{"a": 1}', 'mine');
INSERT INTO public.old (id, title, status, cents, name, mood, short, note, flags, lost, code)
SELECT n, 'title ' || n, (ARRAY['OPEN', 'NEW', 'DONE'])[n % 3 + 1], n + 0.50, 'n' || n, 'ok', 's' || n,
       CASE WHEN n % 2 = 0 THEN 'note ' || n END, ARRAY['a', NULL], 'lost ' || n, 'c' || n
FROM generate_series(11, 20) n;
"""
SPEC = spec_text(
    "public.things",
    """
    table: public.old
    columns:
      status: {to: state, values: {OPEN: open, NEW: open, DONE: done}, lossy: true}
      cents: amount
      mood: feeling
      short: raw
      note: doc.note
      flags: doc.deep.flags
      lost: {to: tag, forward: "'gone'", lossy: true}
      code: {to: code, forward: "'C-' || {code}", inverse: "substr({code}, 3)"}
    set: {doc.was: {expression: "{status}"}}
    """,
    more="add_columns: {tag: {type: text}}",
)


@pytest.fixture(scope="module")
def folded(templates: Templates) -> Iterator[Folding]:
    """Ten rows, folded; never changed."""
    with templates.clone(TABLES) as database:
        made = Folding(database, SPEC)
        made.fold()
        yield made


@pytest.fixture
def folding(templates: Templates, folded: Folding) -> Iterator[Folding]:
    """The same again, for one test."""
    with templates.copy(folded.database) as database:
        yield replace(folded, database=database)


def home(folding: Folding, column: str, key: int) -> object:
    """What a source row holds after the way back."""
    return folding.database.value(f"SELECT {column} FROM public.old WHERE id = {key}")


def test_what_nobody_edited_comes_back_exactly(new_database: NewDatabase) -> None:
    folding = Folding(new_database(TABLES), SPEC)
    before = dump(folding.database)
    folding.fold()
    verdict = folding.undo_as_planned()
    assert (verdict.unchanged, verdict.edited_rows, verdict.deleted) == (10, 0, 0)
    assert dump(folding.database) == before


def test_lossy_and_many_to_one_columns_come_back_beside_an_edit(folding: Folding) -> None:
    folding.database.run("UPDATE public.things SET title = 'edited' WHERE id = 13")
    verdict = folding.undo_as_planned()
    assert verdict.edited == (EditedColumn(TableName("public", "old"), "title", 1),)
    assert folding.database.rows("SELECT title, status, lost, twice FROM public.old WHERE id = 13") == [
        ("edited", "NEW", "lost 13", 12)
    ]


def test_an_edited_value_of_several_goes_home_as_the_first_listed(folding: Folding) -> None:
    folding.database.run("UPDATE public.things SET state = 'open' WHERE id = 14")
    folding.undo_as_planned()
    assert home(folding, "status", 14) == "OPEN"


def test_values_in_a_document_go_home(folding: Folding) -> None:
    folding.database.run(
        """UPDATE public.things SET doc = jsonb_set(jsonb_set(doc, '{note}', '"new"'), '{deep,flags}', '["x", null]')
        WHERE id = 12"""
    )
    folding.undo_as_planned()
    assert home(folding, "note", 12) == "new"
    assert home(folding, "flags", 12) == ["x", None]


def test_a_value_edited_to_null_goes_home(folding: Folding) -> None:
    folding.database.run(
        "UPDATE public.things SET title = NULL, amount = NULL, code = NULL WHERE id = 12;"
        "UPDATE public.things SET doc = doc || '{\"note\": null}' WHERE id = 12"
    )
    folding.undo_as_planned()
    assert folding.database.rows("SELECT title, cents, code, note FROM public.old WHERE id = 12") == [(None,) * 4]


@pytest.mark.parametrize("document", ["{}", '{"deep": {}}', '{"deep": 5, "note": null}', "[1]", '"text"', "7", "null"])
def test_a_missing_path_is_no_edit(folding: Folding, document: str) -> None:
    folding.database.run(f"UPDATE public.things SET doc = '{document}' WHERE id = 13")
    verdict = folding.undo_as_planned()
    assert verdict.edited_rows == 0
    assert folding.database.rows("SELECT note, flags FROM public.old WHERE id = 13") == [(None, ["a", None])]


def test_a_missing_document_is_no_edit(folding: Folding) -> None:
    folding.database.run("UPDATE public.things SET doc = NULL WHERE id = 12")
    folding.undo_as_planned()
    assert home(folding, "note", 12) == "note 12"


@pytest.mark.parametrize(
    ("edit", "column", "told"),
    [
        ("state = 'verified'", "status", "state 'verified' has no counterpart in public.old.status"),
        ("amount = 1.239", "cents", "amount '1.239' has no counterpart in public.old.cents (numeric(6,2))"),
        ("amount = 'NaN'", "cents", None),
        ("amount = 1e9", "cents", "amount '1000000000' has no counterpart"),
        ("name = 'longer'", "name", "name 'longer' has no counterpart in public.old.name (character varying(5))"),
        ("feeling = 'angry'", "mood", "feeling 'angry' has no counterpart in public.old.mood (public.mood)"),
        ("raw = 'longer'", "short", "raw 'longer' has no counterpart in public.old.short (public.short)"),
        ("tag = 'else'", "lost", "tag 'else' has no counterpart in public.old.lost"),
        ("code = 'X-1'", "code", "code 'X-1' has no counterpart in public.old.code (text)"),
        ("doc = jsonb_set(doc, '{deep,flags}', '5')", "flags", "doc.deep.flags '5' has no counterpart"),
        ("doc = jsonb_set(doc, '{note}', '{\"a\": 1}')", "note", "doc.note"),
    ],
)
def test_a_value_without_counterpart_stands_in_the_way(
    folding: Folding, edit: str, column: str, told: str | None
) -> None:
    folding.database.run(f"UPDATE public.things SET {edit} WHERE id = 12")
    was = folding.database.value(f"SELECT {column}::text FROM pgfold_things_public.old WHERE id = 12")
    verdict = folding.undo_as_planned()
    if told is None:
        assert verdict.can_be_undone
        return
    (blocked,) = verdict.blocked
    assert blocked.reason.startswith(told)
    assert (blocked.table, blocked.key) == (TableName("public", "things"), ("12",))
    assert blocked.kind is Blocking.NO_COUNTERPART
    assert "--set-aside" in blocked.remedy
    folding.undo_as_planned(RollbackOptions(set_aside=True))
    assert home(folding, f"{column}::text", 12) == was


def test_every_row_in_the_way_is_named_at_once(folding: Folding) -> None:
    folding.database.run("UPDATE public.things SET state = 'verified', amount = 'Infinity' WHERE id < 15")
    verdict = folding.undo_as_planned()
    assert verdict.blocked_rows == 8
    assert {(blocked.key, blocked.reason.split()[0]) for blocked in verdict.blocked} == {
        ((str(key),), place) for key in range(11, 15) for place in ("state", "amount")
    }


def test_an_own_row_of_the_target_is_no_edit(folding: Folding) -> None:
    folding.database.run("UPDATE public.things SET state = 'anything', tag = 'mine' WHERE id = 1")
    folding.undo_as_planned()
    assert folding.database.rows("SELECT id, state FROM public.things") == [(1, "anything")]
