"""Before a cut-over nothing of the sources has moved: a rollback takes only our own things away."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from pipelines.core.checks import failed
from pipelines.core.errors import Refused
from pipelines.core.ledger_rows import FoldStanding
from pipelines.core.reconciliation import RollbackBlocked, RollbackOptions
from pipelines.core.spec_file import parse_spec
from pipelines.database import ledger_folds
from pipelines.steps import workflow
from pipelines.steps.surroundings import Surroundings
from tests.databases import Database
from tests.driving import Driver
from tests.dump import dump
from tests.folding import spec_text

NewDatabase = Callable[..., Database]
Step = Callable[[Surroundings, str], object]

TABLES = """
CREATE TABLE public.things (id serial PRIMARY KEY, title text CONSTRAINT titled NOT NULL);
CREATE TABLE public.old (id text PRIMARY KEY, title text NOT NULL);
INSERT INTO public.things (title) VALUES ('own');
INSERT INTO public.old SELECT 'k' || n, 'title ' || n FROM generate_series(1, 50) n;
"""
SPEC = spec_text(
    "public.things",
    "table: public.old\nkey: new",
    more="""
    add_columns: {tag: {type: text, default: "'none'", check: "tag <> ''"}}
    drop_not_null: [title]
    approval: none
    """,
)
STEPS: tuple[Step, ...] = (workflow.add, workflow.stage, workflow.check)


def driver(database: Database, folder: Path, text: str = SPEC, name: str = "things") -> Driver:
    """A fold driven as a command would."""
    surroundings = Surroundings(
        database.url, folder, lambda: datetime.now(UTC), uuid4, lambda _: None, lambda _: None, "ada"
    )
    return Driver(surroundings, parse_spec(name, text, "defs.yaml"))


def begin(driven: Driver, steps: int) -> None:
    """As far as the first so many steps after the export."""
    workflow.store_plan(driven.surroundings, driven.plan())
    workflow.export(driven.surroundings, driven.spec)
    for step in STEPS[:steps]:
        step(driven.surroundings, driven.spec.name)


@pytest.mark.parametrize("steps", range(len(STEPS) + 1))
def test_everything_is_as_it_was_and_nothing_of_ours_is_left(
    new_database: NewDatabase, tmp_path: Path, steps: int
) -> None:
    database = new_database(TABLES)
    before = dump(database)
    driven = driver(database, tmp_path)
    begin(driven, steps)
    assert driven.verdict().can_be_undone
    driven.unfold()
    assert dump(database) == before
    left = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'pgfold'"
    assert database.value(f"{left} AND relname LIKE '%things%'") == 0
    assert database.value("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'pgfold%'") == 0
    driven.fold()


def test_an_edit_of_the_application_stays(new_database: NewDatabase, tmp_path: Path) -> None:
    database = new_database(TABLES)
    driven = driver(database, tmp_path)
    begin(driven, 2)
    database.run(
        "UPDATE public.old SET title = 'edited' WHERE id = 'k1'; INSERT INTO public.things (title) VALUES ('later');"
        "UPDATE public.things SET tag = 'said' WHERE title = 'own'"
    )
    driven.unfold()
    assert database.value("SELECT title FROM public.old WHERE id = 'k1'") == "edited"
    later = database.value("SELECT id FROM public.things WHERE title = 'later'")
    database.run("INSERT INTO public.things (title) VALUES ('after')")
    assert database.value("SELECT id FROM public.things WHERE title = 'after'") > later  # type: ignore[operator]
    driven.fold()
    assert database.value("SELECT tag FROM public.things WHERE title = 'own'") == "said"


def test_a_null_where_not_null_comes_back_stands_in_the_way(new_database: NewDatabase, tmp_path: Path) -> None:
    database = new_database(TABLES)
    driven = driver(database, tmp_path)
    begin(driven, 2)
    database.run("INSERT INTO public.things (id, title) VALUES (77, NULL)")
    verdict = driven.verdict()
    assert [blocked.key for blocked in verdict.blocked] == [("77",)]
    with pytest.raises(RollbackBlocked) as refused:
        driven.unfold()
    assert refused.value.verdict == verdict
    driven.unfold(RollbackOptions(set_aside=True))
    assert database.rows("SELECT title FROM public.things") == [("own",)]
    driven.fold()
    assert database.value("SELECT count(*) FROM public.things WHERE title IS NULL") == 1


def test_a_refold_given_up_keeps_what_was_kept(new_database: NewDatabase, tmp_path: Path) -> None:
    database = new_database(TABLES)
    driven = driver(database, tmp_path)
    driven.fold()
    database.run("UPDATE public.things SET tag = 'said' WHERE title IN ('own', 'title 7')")
    keys = database.rows("SELECT id, title FROM public.things ORDER BY title")
    driven.unfold()
    before = dump(database)
    begin(driven, 3)
    driven.unfold()
    assert dump(database) == before
    driven.fold()
    assert database.value("SELECT count(*) FROM public.things WHERE tag = 'said'") == 2
    assert database.rows("SELECT id, title FROM public.things ORDER BY title") == keys


def test_an_added_column_leaves_with_its_last_user(new_database: NewDatabase, tmp_path: Path) -> None:
    database = new_database(
        TABLES, "CREATE TABLE public.more (id text PRIMARY KEY, title text); INSERT INTO public.more VALUES ('m', 'm');"
    )
    before = dump(database)
    first = driver(database, tmp_path)
    second = driver(database, tmp_path, SPEC.replace("public.old", "public.more"), "more")
    begin(first, 2)
    begin(second, 2)
    first.unfold()
    assert database.value("SELECT count(*) FROM public.things WHERE tag = 'none'") == 1
    second.unfold()
    assert dump(database) == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "CREATE OR REPLACE FUNCTION public.up(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT ''x''::text'",
            "function public.up(text), which the spec calls, was redefined since the fold",
        ),
        ("DROP FUNCTION public.up(text)", "function public.up(text), which the spec calls, was dropped since the fold"),
    ],
)
def test_a_function_of_the_spec_that_changed_is_named(
    new_database: NewDatabase, tmp_path: Path, change: str, told: str
) -> None:
    function = "CREATE FUNCTION public.up(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT upper($1)';"
    database = new_database(TABLES, function)
    before = dump(database)
    rule = "columns: {title: {to: title, forward: 'public.up({title})', lossy: true}}"
    driven = driver(database, tmp_path, SPEC.replace("key: new", f"key: new\n      {rule}"))
    driven.fold()
    database.run(change)
    (finding,) = driven.verdict().findings
    assert finding.message == told
    with pytest.raises(RollbackBlocked):
        driven.unfold()
    database.run(function.replace("CREATE", "CREATE OR REPLACE"))
    driven.unfold()
    assert dump(database) == before


def test_there_is_nothing_to_undo_twice(new_database: NewDatabase, tmp_path: Path) -> None:
    driven = driver(new_database(TABLES), tmp_path)
    with pytest.raises(Refused, match="was never run here"):
        driven.unfold()
    begin(driven, 1)
    driven.unfold()
    with pytest.raises(Refused, match="is undone already"):
        driven.unfold()
    with closing(driven.surroundings.connect("look")) as connection:
        assert ledger_folds.fold_state(connection, "things").standing is FoldStanding.ROLLED_BACK


def test_the_checks_of_a_fold_after_it_pass(new_database: NewDatabase, tmp_path: Path) -> None:
    driven = driver(new_database(TABLES), tmp_path)
    begin(driven, 2)
    driven.unfold()
    begin(driven, 2)
    assert not failed(workflow.check(driven.surroundings, "things").checks)
