"""What people changed in the catalog while a fold was in force is found and named; nothing of theirs is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipelines.core.findings import Severity, errors
from tests.databases import Templates
from tests.dump import dump
from tests.folding import Folding, spec_text

TABLES = """
CREATE TABLE public.owners (id int PRIMARY KEY, name text UNIQUE);
CREATE TABLE public.things (id int PRIMARY KEY, title text NOT NULL, state varchar(20));
CREATE TABLE public.old (
    id int PRIMARY KEY, title text NOT NULL, status varchar(20), owner text REFERENCES public.owners (name),
    serial serial
);
CREATE INDEX old_by_title ON public.old (title);
CREATE TABLE public.events (n int PRIMARY KEY, old_id int REFERENCES public.old (id));
INSERT INTO public.owners VALUES (1, 'ada');
INSERT INTO public.things VALUES (1, 'own', 'open');
INSERT INTO public.old SELECT n, 'title ' || n, 'open', 'ada' FROM generate_series(11, 14) n;
INSERT INTO public.events SELECT n, n FROM generate_series(11, 14) n;
"""
SPEC = spec_text(
    "public.things",
    "table: public.old\ncolumns: {status: state, owner: owner, serial: number}",
    more="add_columns: {owner: {type: text}, number: {type: integer, check: 'number > 0'}}",
)


@pytest.fixture(scope="module")
def folded(templates: Templates) -> Iterator[Folding]:
    """Four rows with a parent and children, folded; never changed."""
    with templates.clone(TABLES) as database:
        made = Folding(database, SPEC)
        made.fold()
        yield made


@pytest.fixture
def folding(templates: Templates, folded: Folding) -> Iterator[Folding]:
    """The same again, for one test."""
    with templates.copy(folded.database) as database:
        yield replace(folded, database=database)


REFUSED = [
    ("ALTER TABLE public.things RENAME TO stuff", "public.things does not exist any more"),
    ("ALTER TABLE public.things RENAME state TO condition", "public.things has no column state any more"),
    ("ALTER TABLE public.things DROP title", "public.things has no column title any more"),
    ("ALTER TABLE public.things ALTER state TYPE text", "was character varying(20) and is text now"),
    ("ALTER TABLE public.events RENAME old_id TO thing", "public.events has no column old_id any more"),
    ("DROP TABLE public.events", "public.events does not exist any more"),
    ("CREATE TABLE public.old (n int)", "table public.old has the name of public.old"),
    ("CREATE VIEW public.old AS SELECT 1 AS x", "view public.old has the name of public.old"),
    ("CREATE TYPE public.old AS ENUM ('a')", "type public.old has the name of public.old"),
    ("CREATE INDEX old_by_title ON public.owners (id)", "index public.old_by_title has the name of what moves with"),
    ("CREATE SEQUENCE public.old_serial_seq", "sequence public.old_serial_seq has the name of what moves with"),
    ("CREATE INDEX by_owner ON public.things (owner)", "index public.by_owner uses owner, which leaves public.things"),
    ("CREATE VIEW public.owned AS SELECT owner FROM public.things", "view public.owned uses owner, which leaves"),
    (
        "ALTER TABLE public.things ADD UNIQUE (number)",
        "constraint things_number_key on table public.things uses number",
    ),
    ("CREATE STATISTICS public.pair ON owner, number FROM public.things", "statistics object public.pair uses owner"),
    (
        "ALTER TABLE public.things ADD twice int GENERATED ALWAYS AS (number * 2) STORED",
        "generated column twice of table public.things uses number",
    ),
    (
        "ALTER TABLE public.things DROP CONSTRAINT things_old_owner_fkey_pgfold;"
        "ALTER TABLE public.owners DROP CONSTRAINT owners_name_key",
        "old_owner_fkey of public.old needs a unique key on name of public.owners, which is gone",
    ),
    ("ALTER TABLE pgfold_things_public.old SET SCHEMA public", "archived table pgfold_things_public.old is gone"),
    (
        "DROP TRIGGER pgfold_frozen ON pgfold_things_public.old; ALTER TABLE pgfold_things_public.old DROP title",
        "pgfold_things_public.old has no column title any more",
    ),
]


@pytest.mark.parametrize(("change", "told"), REFUSED)
def test_what_would_stop_the_way_back_is_named_with_a_remedy(folding: Folding, change: str, told: str) -> None:
    folding.database.run(change)
    verdict = folding.undo_as_planned()
    found = [finding for finding in errors(verdict.findings) if told in finding.message]
    assert found, verdict.findings
    assert all(finding.remedy for finding in found)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("CREATE TABLE public.votes (n int PRIMARY KEY, thing int REFERENCES public.things)", "new_key"),
        ("DROP TRIGGER pgfold_frozen ON pgfold_things_public.old", "not_frozen"),
    ],
)
def test_what_stops_nothing_is_shown(folding: Folding, change: str, rule: str) -> None:
    folding.database.run(change)
    verdict = folding.undo_as_planned()
    assert rule in {finding.rule for finding in verdict.findings if finding.severity is Severity.WARNING}
    assert verdict.can_be_undone


def test_a_row_of_a_new_child_on_a_row_that_goes_home_stands_in_the_way(folding: Folding) -> None:
    folding.database.run(
        "CREATE TABLE public.votes (n int PRIMARY KEY, thing int REFERENCES public.things);"
        "INSERT INTO public.votes VALUES (1, 1), (2, 12)"
    )
    assert [blocked.key for blocked in folding.undo_as_planned().blocked] == [("2",)]


def test_columns_and_constraints_that_people_added_stay(folding: Folding) -> None:
    folding.database.run(
        "ALTER TABLE public.things ADD mine text; CREATE INDEX mine ON public.things (title);"
        "ALTER TABLE public.things ADD CHECK (id > 0)"
    )
    folding.undo_as_planned()
    folding.database.run(
        "ALTER TABLE public.things DROP mine; DROP INDEX public.mine; ALTER TABLE public.things"
        " DROP CONSTRAINT things_id_check"
    )


def test_triggers_that_never_sleep_do_not_fire_and_are_as_they_were(new_database_with: Folding) -> None:
    folding = new_database_with
    folding.fold()
    folding.database.run(
        "CREATE TRIGGER loud AFTER DELETE ON public.things FOR EACH ROW EXECUTE FUNCTION public.shout();"
        "ALTER TABLE public.things ENABLE REPLICA TRIGGER loud;"
        "UPDATE public.things SET title = 'edited' WHERE id = 11"
    )
    before = folding.database.rows("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1")
    folding.undo_as_planned()
    after = folding.database.rows("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1")
    assert [trigger for trigger in before if not str(trigger[0]).startswith("pgfold")] == after
    assert folding.database.value("SELECT count(*) FROM public.heard") == 0


@pytest.fixture
def new_database_with(templates: Templates) -> Iterator[Folding]:
    """A source whose trigger always fires."""
    script = """
    CREATE TABLE public.heard (what text);
    CREATE FUNCTION public.shout() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO public.heard VALUES (TG_OP); RETURN NULL; END';
    CREATE TRIGGER loud AFTER INSERT OR DELETE ON public.old FOR EACH ROW EXECUTE FUNCTION public.shout();
    ALTER TABLE public.old ENABLE ALWAYS TRIGGER loud;
    """
    with templates.clone(TABLES, script) as database:
        yield Folding(database, SPEC)


def test_two_folds_of_one_target_are_undone_in_turn(new_database_with: Folding) -> None:
    first = new_database_with
    first.database.run(
        "CREATE TABLE public.more (id int PRIMARY KEY, title text NOT NULL, owner text);"
        "INSERT INTO public.more VALUES (21, 'more', 'ada')"
    )
    before = dump(first.database)
    second = Folding(
        first.database,
        spec_text("public.things", "table: public.more", more="add_columns: {owner: {type: text}}"),
        name="more",
    )
    first.fold()
    between = dump(first.database)
    second.fold()
    (finding,) = errors(first.undo_as_planned().findings)
    assert finding.message == "more was folded after things and uses public.things"
    assert finding.remedy == "undo it first: pgfold rollback more"
    second.undo_as_planned()
    assert dump(first.database) == between
    first.undo_as_planned()
    assert dump(first.database) == before
