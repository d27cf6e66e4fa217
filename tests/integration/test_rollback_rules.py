"""A row that would break a rule of its source, or a rule that comes back to the target, stands in the way by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipelines.core.reconciliation import Blocking, RollbackOptions
from pipelines.core.schema import TableName
from tests.databases import Templates
from tests.folding import Folding, spec_text

TABLES = """
CREATE TABLE public.owners (id int PRIMARY KEY);
CREATE TABLE public.things (
    id int PRIMARY KEY, title text NOT NULL, code text, low int, high int, owner int, span int4range, word text
);
CREATE TABLE public.old (
    id int PRIMARY KEY CHECK (id > 0), title text NOT NULL, code text UNIQUE, low int, high int,
    owner int REFERENCES public.owners (id), span int4range, word text,
    spread int GENERATED ALWAYS AS (1000 / (high - low)) STORED,
    CONSTRAINT ordered CHECK (low <= high), CONSTRAINT divides CHECK (100 / high > 0),
    CONSTRAINT apart EXCLUDE USING gist (span WITH &&)
);
CREATE UNIQUE INDEX old_word ON public.old (lower(word)) WHERE low > 5;
CREATE INDEX old_number ON public.old ((code::int)) WHERE word = 'number';
INSERT INTO public.owners VALUES (1), (2), (3);
INSERT INTO public.things VALUES (1, 'own', 'c11', 9, 1, 3, '[110,111)', 'w11');
INSERT INTO public.old (id, title, code, low, high, owner, span, word)
SELECT n, 't' || n, 'c' || n, n, n + 10, 1, int4range(n * 10, n * 10 + 1), 'w' || n FROM generate_series(11, 20) n;
"""
SPEC = spec_text(
    "public.things", "table: public.old\ncolumns: {owner: tag}",
    more="add_columns: {tag: {type: integer}}\ndrop_not_null: [title]",
)  # fmt: skip
BLOCKED = [
    ("title = NULL", "title is NULL, and public.old.title is NOT NULL"),
    ("low = 99", "low, high '99, 21' breaks CHECK ordered of public.old"),
    ("high = 0", "high '0' breaks CHECK divides of public.old"),
    ("low = 5, high = 5", "generated column spread of public.old cannot be computed: 'division by zero'"),
    ("id = -4", "id '-4' breaks CHECK old_id_check of public.old"),
    ("code = 'c12'", "code 'c12' is taken: old_code_key of public.old would not hold"),
    ("word = 'W12'", "low, word 'w12' is taken: old_word of public.old would not hold"),
    ("word = 'number'", "index old_number of public.old cannot hold the row:"),
    ("span = '[90,125)'", "span '[90,125)' overlaps another: apart of public.old would not hold"),
]


@pytest.fixture(scope="module")
def folded(templates: Templates) -> Iterator[Folding]:
    """Ten rows under every kind of rule, folded into a target without them; never changed."""
    with templates.clone(TABLES) as database:
        made = Folding(database, SPEC)
        made.fold()
        yield made


@pytest.fixture
def folding(templates: Templates, folded: Folding) -> Iterator[Folding]:
    """The same again, for one test."""
    with templates.copy(folded.database) as database:
        yield replace(folded, database=database)


@pytest.mark.parametrize(("edit", "reason"), BLOCKED)
def test_a_row_that_breaks_a_rule_stands_in_the_way(folding: Folding, edit: str, reason: str) -> None:
    before = folding.database.rows("SELECT * FROM pgfold_things_public.old ORDER BY id")
    folding.database.run(f"UPDATE public.things SET {edit} WHERE id = 11")
    verdict = folding.undo_as_planned()
    assert [b.reason for b in verdict.blocked if b.reason.startswith(reason)], verdict.blocked
    assert {b.kind for b in verdict.blocked} == {Blocking.SOURCE_RULE}
    assert {b.table for b in verdict.blocked} == {TableName("public", "things")}
    aside = folding.undo_as_planned(RollbackOptions(set_aside=True))
    assert aside.rows_aside
    assert folding.database.rows("SELECT * FROM public.old ORDER BY id") == before


def test_only_the_value_to_blame_is_set_aside(folding: Folding) -> None:
    folding.database.run("UPDATE public.things SET code = 'c12', title = 'edited' WHERE id = 11")
    folding.undo_as_planned(RollbackOptions(set_aside=True))
    assert folding.database.rows("SELECT title, code FROM public.old WHERE id = 11") == [("edited", "c11")]


def test_values_that_move_among_each_other_break_nothing(folding: Folding) -> None:
    folding.database.run("UPDATE public.things SET code = 'c' || 31 - id, span = int4range(id, id + 1) WHERE id > 10")
    assert folding.undo_as_planned().edited_rows == 10


def test_two_rows_with_one_unique_value_both_stand_in_the_way(folding: Folding) -> None:
    folding.database.run("UPDATE public.things SET code = 'same' WHERE id IN (11, 12)")
    assert {b.key for b in folding.undo_as_planned().blocked} == {("11",), ("12",)}


def test_a_parent_that_is_gone_stands_in_the_way(folding: Folding) -> None:
    folding.database.run(
        "ALTER TABLE public.things DROP CONSTRAINT things_old_owner_fkey_pgfold;DELETE FROM public.owners WHERE id = 1"
    )
    verdict = folding.undo_as_planned()
    assert verdict.blocked_rows == 10
    assert verdict.blocked[0].reason == (
        "owner '1' has no row in public.owners, as foreign key old_owner_fkey of public.old asks"
    )
    folding.database.run("INSERT INTO public.owners VALUES (1)")
    assert folding.undo_as_planned().can_be_undone


def test_a_value_without_parent_stands_in_the_way(folding: Folding) -> None:
    folding.database.run(
        "ALTER TABLE public.things DROP CONSTRAINT things_old_owner_fkey_pgfold;"
        "UPDATE public.things SET tag = 9 WHERE id = 11"
    )
    (blocked,) = folding.undo_as_planned().blocked
    assert blocked.key == ("11",)
    folding.undo_as_planned(RollbackOptions(set_aside=True))
    assert folding.database.value("SELECT owner FROM public.old WHERE id = 11") == 1


def test_a_null_where_not_null_comes_back_stands_in_the_way(folding: Folding) -> None:
    folding.database.run("UPDATE public.things SET title = NULL WHERE id = 1")
    (blocked,) = folding.undo_as_planned().blocked
    assert (blocked.kind, blocked.key) == (Blocking.TARGET_RULE, ("1",))
    assert blocked.reason == "title is NULL, and public.things.title is NOT NULL again"
    folding.database.run("UPDATE public.things SET title = 'again' WHERE id = 1")
    assert folding.undo_as_planned().can_be_undone
