"""Children get their own keys back: other types, several columns, mapped values; and nothing is left without parent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from pipelines.core.reconciliation import Blocking, RollbackOptions
from pipelines.core.schema import TableName
from tests.databases import Database, Templates
from tests.dump import dump
from tests.folding import Folding, spec_text

NewDatabase = Callable[..., Database]

TABLES = """
CREATE TABLE public.things (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), code text UNIQUE, region text, number int, title text,
    UNIQUE (region, number)
);
CREATE TABLE public.comments (
    n int PRIMARY KEY, thing uuid NOT NULL REFERENCES public.things ON DELETE CASCADE, body text
);
CREATE TABLE public.likes (comment int REFERENCES public.comments (n), who text, PRIMARY KEY (comment, who));
CREATE TABLE public.old (
    id bigserial PRIMARY KEY, code varchar(20) UNIQUE, region text, number int, title text,
    parent bigint REFERENCES public.old (id), UNIQUE (region, number)
);
CREATE TABLE public.occurrences (
    old_id bigint DEFAULT 1 REFERENCES public.old (id) ON DELETE CASCADE, run int, note text, PRIMARY KEY (old_id, run)
);
CREATE INDEX occurrences_by_note ON public.occurrences (note, old_id);
COMMENT ON CONSTRAINT occurrences_old_id_fkey ON public.occurrences IS 'kept in mind';
CREATE TABLE public.placed (
    n int PRIMARY KEY, region text, number int,
    FOREIGN KEY (region, number) REFERENCES public.old (region, number)
        MATCH FULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE public.coded (n int PRIMARY KEY, code varchar(20) REFERENCES public.old (code) ON UPDATE CASCADE);
CREATE TABLE public.loose (n int PRIMARY KEY, old_id bigint);
ALTER TABLE public.loose ADD FOREIGN KEY (old_id) REFERENCES public.old (id) NOT VALID;
INSERT INTO public.things VALUES ('00000000-0000-0000-0000-000000000001', 'own', 'own', 1, 'own');
INSERT INTO public.comments VALUES (1, '00000000-0000-0000-0000-000000000001', 'on an own row');
INSERT INTO public.likes VALUES (1, 'ada');
INSERT INTO public.old (code, region, number, title, parent)
SELECT 'c' || n, 'r' || n % 2, n, 'title ' || n, NULLIF(n - 1, 0) FROM generate_series(1, 6) n;
INSERT INTO public.occurrences SELECT n % 6 + 1, n, 'note ' || n FROM generate_series(1, 12) n;
INSERT INTO public.placed SELECT n, 'r' || n % 2, n FROM generate_series(1, 6) n;
INSERT INTO public.placed VALUES (7, NULL, NULL);
INSERT INTO public.coded SELECT n, 'c' || n FROM generate_series(1, 6) n;
INSERT INTO public.loose VALUES (1, 3), (2, NULL);
"""
SPEC = spec_text(
    "public.things",
    "table: public.old\nkey: new\ncolumns: {parent: parent}",
    more="add_columns: {parent: {type: uuid}}",
)
OWN = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(scope="module")
def folded(templates: Templates) -> Iterator[Folding]:
    """Six rows with new keys of another type and five tables of children, folded; never changed."""
    with templates.clone(TABLES) as database:
        made = Folding(database, SPEC)
        made.fold()
        yield made


@pytest.fixture
def folding(templates: Templates, folded: Folding) -> Iterator[Folding]:
    """The same again, for one test."""
    with templates.copy(folded.database) as database:
        yield replace(folded, database=database)


def thing(folding: Folding, title: str) -> object:
    """The key in the target."""
    return folding.database.value(f"SELECT id FROM public.things WHERE title = '{title}'")


def test_children_are_as_they_were_types_keys_and_comments(new_database: NewDatabase) -> None:
    folding = Folding(new_database(TABLES), SPEC)
    before = dump(folding.database)
    folding.fold()
    folding.undo_as_planned()
    assert dump(folding.database) == before
    folding.fold()
    folding.undo_as_planned()
    assert dump(folding.database) == before


def test_a_child_written_since_follows_its_row_home(folding: Folding) -> None:
    folding.database.run(f"INSERT INTO public.occurrences VALUES ('{thing(folding, 'title 4')}', 99, 'new')")
    folding.undo_as_planned()
    assert folding.database.value("SELECT old_id FROM public.occurrences WHERE run = 99") == 4


def test_a_reference_to_another_row_of_the_source_goes_home(folding: Folding) -> None:
    folding.database.run(f"UPDATE public.things SET parent = '{thing(folding, 'title 1')}' WHERE title = 'title 6'")
    folding.undo_as_planned()
    assert folding.database.value("SELECT parent FROM public.old WHERE title = 'title 6'") == 1


def test_a_reference_to_a_row_that_stays_has_no_counterpart(folding: Folding) -> None:
    folding.database.run(f"UPDATE public.things SET parent = '{OWN}' WHERE title = 'title 6'")
    (blocked,) = folding.undo_as_planned().blocked
    assert blocked.reason == f"parent '{OWN}' has no counterpart in public.old.parent (bigint)"
    folding.undo_as_planned(RollbackOptions(set_aside=True))
    assert folding.database.value("SELECT parent FROM public.old WHERE title = 'title 6'") == 5


def test_a_child_that_references_a_row_which_stays_stands_in_the_way(folding: Folding) -> None:
    folding.database.run(f"INSERT INTO public.occurrences VALUES ('{OWN}', 99, 'on an own row')")
    (blocked,) = folding.undo_as_planned().blocked
    assert blocked.kind is Blocking.STAYS
    assert (blocked.table, blocked.key) == (TableName("public", "occurrences"), (OWN, "99"))
    assert blocked.reason == f"old_id '{OWN}' references a row of public.things that has no home in public.old"


def test_a_child_of_the_target_on_a_row_that_goes_home_stands_in_the_way(folding: Folding) -> None:
    folding.database.run(f"INSERT INTO public.comments VALUES (9, '{thing(folding, 'title 2')}', 'written since')")
    (blocked,) = folding.undo_as_planned().blocked
    assert (blocked.kind, blocked.key) == (Blocking.CHILD, ("9",))
    assert blocked.reason.endswith("references a row of public.things that goes home")
    folding.database.run("DELETE FROM public.comments WHERE n = 9")
    assert folding.undo_as_planned().can_be_undone


def test_an_own_row_that_references_a_row_which_goes_home_stands_in_the_way(folding: Folding) -> None:
    folding.database.run(f"UPDATE public.things SET parent = '{thing(folding, 'title 2')}' WHERE title = 'own'")
    (blocked,) = folding.undo_as_planned().blocked
    assert (blocked.table, blocked.key) == (TableName("public", "things"), (OWN,))


def test_keys_of_several_columns_follow_an_edit(folding: Folding) -> None:
    folding.database.run("UPDATE public.things SET region = 'new', number = 70 WHERE title = 'title 3'")
    folding.undo_as_planned()
    assert folding.database.rows("SELECT region, number FROM public.placed WHERE n = 3") == [("new", 70)]
    assert folding.database.rows("SELECT region, number FROM public.old WHERE title = 'title 3'") == [("new", 70)]


def test_a_child_follows_a_key_whose_edit_was_set_aside(folding: Folding) -> None:
    folding.database.run("UPDATE public.things SET code = 'longer than twenty characters' WHERE title = 'title 3'")
    assert folding.database.value("SELECT code FROM public.coded WHERE n = 3") == "longer than twenty characters"
    (blocked,) = folding.undo_as_planned().blocked
    assert blocked.kind is Blocking.NO_COUNTERPART
    folding.undo_as_planned(RollbackOptions(set_aside=True))
    assert folding.database.value("SELECT code FROM public.coded WHERE n = 3") == "c3"
    folding.fold()
    assert folding.database.value("SELECT code FROM public.coded WHERE n = 3") == "longer than twenty characters"


def test_a_deleted_row_takes_its_children_along_as_the_rules_say(folding: Folding) -> None:
    folding.database.run(
        "DELETE FROM public.placed WHERE n = 6; DELETE FROM public.coded WHERE n = 6;"
        "DELETE FROM public.things WHERE title = 'title 6'"
    )
    assert folding.undo_as_planned().deleted == 1
    assert folding.database.value("SELECT count(*) FROM public.occurrences WHERE old_id = 6") == 0
