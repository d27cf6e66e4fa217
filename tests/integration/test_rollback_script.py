"""rollback.sql undoes a fold with psql and zstd alone, and gives the same as `rollback --to backup`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.core.ledger_rows import FoldStanding, MigrationStatus
from pipelines.core.reconciliation import RollbackOptions
from pipelines.database import ledger_folds, tracking
from pipelines.database.programs import ProgramName, find_program, program_environment
from tests.databases import Database, Templates
from tests.driving import Driver
from tests.dump import dump
from tests.folding import spec_text
from tests.integration.test_rollback_before import driver

NewDatabase = Callable[..., Database]

TABLES = """
CREATE TABLE public.owners (id int PRIMARY KEY);
CREATE TABLE public.things (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), number serial, title text NOT NULL, state text, doc jsonb
);
CREATE TABLE public.comments (n int PRIMARY KEY, thing uuid REFERENCES public.things ON DELETE CASCADE);
CREATE TABLE public.old (
    id bigserial PRIMARY KEY, title text NOT NULL, status text, owner int REFERENCES public.owners, note text
);
CREATE TABLE public.coded (code text PRIMARY KEY, title text NOT NULL);
CREATE TABLE public.events (n int PRIMARY KEY, old_id bigint REFERENCES public.old (id) ON DELETE CASCADE);
CREATE TABLE public.marks (n int PRIMARY KEY, code text REFERENCES public.coded (code) ON UPDATE CASCADE);
COMMENT ON CONSTRAINT events_old_id_fkey ON public.events IS 'with a '' quote and a \\ backslash';
INSERT INTO public.owners VALUES (1);
INSERT INTO public.things VALUES ('00000000-0000-0000-0000-000000000001', DEFAULT, 'own', 'open', '{}');
INSERT INTO public.comments VALUES (1, '00000000-0000-0000-0000-000000000001');
INSERT INTO public.old (title, status, owner, note) SELECT 'title ' || n, 'OPEN', 1, 'note ' || n
FROM generate_series(1, 6) n;
INSERT INTO public.coded VALUES ('00000000-0000-0000-0000-0000000000aa', 'coded');
INSERT INTO public.events SELECT n, n FROM generate_series(1, 6) n;
INSERT INTO public.marks VALUES (1, '00000000-0000-0000-0000-0000000000aa');
"""
SPEC = spec_text(
    "public.things",
    """
    table: public.old
    key: new
    columns: {status: {to: state, values: {OPEN: open}}, note: doc.note, owner: owner}
    """,
    "table: public.coded\ncolumns: {code: id}",
    more="""
    add_columns: {owner: {type: integer}, tag: {type: text}}
    drop_not_null: [title]
    approval: none
    drop_after: 0s
    """,
)
EDITS = """
UPDATE public.things SET title = 'edited', state = 'verified', tag = 'x' WHERE title = 'title 2';
UPDATE public.things SET tag = 'own' WHERE title = 'own';
UPDATE public.things SET id = '00000000-0000-0000-0000-0000000000bb' WHERE title = 'coded';
DELETE FROM public.things WHERE title = 'title 6';
"""


@pytest.fixture
def folded(templates: Templates, tmp_path: Path) -> Iterator[Driver]:
    """Two sources, folded and edited."""
    with templates.clone(TABLES) as database:
        made = driver(database, tmp_path, SPEC)
        made.fold()
        database.run(EDITS)
        yield made


def database_of(driven: Driver) -> Database:
    """The database that it works on."""
    url = driven.surroundings.database_url
    return Database(url.partition("@/")[2].partition("?")[0], url)


def run_script(driven: Driver) -> subprocess.CompletedProcess[str]:
    """As its head says."""
    (script,) = driven.surroundings.backups.glob("things/*/rollback.sql")
    url = driven.surroundings.database_url
    psql = find_program(ProgramName.PSQL, 180000)
    return subprocess.run(
        [psql.path, "--no-psqlrc", f"--file={script.name}", "--dbname", url],
        cwd=script.parent, env=program_environment(url), capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_script_gives_the_same_as_to_backup(folded: Driver, templates: Templates, tmp_path: Path) -> None:
    database = database_of(folded)
    with templates.copy(database) as copy:
        other = driver(copy, tmp_path, SPEC)
        other.unfold(RollbackOptions(to_backup=True))
        expected = dump(copy)
    done = run_script(folded)
    assert (done.returncode, done.stderr) == (0, "")
    assert dump(database) == expected
    assert database.value("SELECT count(*) FROM public.events") == 5  # its row was deleted with its parent
    assert database.rows("SELECT code FROM public.marks") == [("00000000-0000-0000-0000-0000000000aa",)]


def test_the_edits_are_saved_beside_it(folded: Driver) -> None:
    assert run_script(folded).returncode == 0
    (saved,) = folded.surroundings.backups.glob("things/*/dropped-edits.jsonl")
    lines = [json.loads(line) for line in saved.read_text().splitlines()]
    assert {line["row"]["title"]: line["row"]["state"] for line in lines if line["why"] == "edited"}[
        "edited"
    ] == "verified"
    assert [line["key"] for line in lines if line["why"] == "deleted"] == [["6"]]
    assert [line["row"]["tag"] for line in lines if line["why"] == "column leaves"] == ["own"]


def test_the_ledger_knows_and_the_fold_can_be_run_again(folded: Driver) -> None:
    assert run_script(folded).returncode == 0
    with closing(folded.surroundings.connect("look")) as connection:
        assert ledger_folds.fold_state(connection, "things").standing is FoldStanding.ROLLED_BACK
        (migration,) = tracking.migrations_of(connection, "public", "things")
    assert migration.status is MigrationStatus.ROLLED_BACK
    folded.fold()
    folded.unfold()


def test_after_a_drop_the_rows_come_from_the_sealed_backup(
    folded: Driver, templates: Templates, tmp_path: Path
) -> None:
    database = database_of(folded)
    with templates.copy(database) as copy:
        other = driver(copy, tmp_path, SPEC)
        other.unfold(RollbackOptions(to_backup=True))
        expected = dump(copy)
    folded.drop()
    done = run_script(folded)
    assert (done.returncode, done.stderr) == (0, "")
    assert dump(database) == expected


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "INSERT INTO public.comments SELECT 9, id FROM public.things WHERE title = 'title 3'",
            "comments_thing_fkey of public.comments references a row of public.things that goes home: 1",
        ),
        (
            "INSERT INTO public.events VALUES (9, '00000000-0000-0000-0000-000000000001')",
            "public.events: old_id references a row of public.things that has no home in public.old",
        ),
        ("UPDATE public.things SET title = NULL WHERE title = 'own'", "is NOT NULL again"),
        ("CREATE TABLE public.old (n int)", 'relation "old" already exists'),
    ],
)
def test_what_stands_in_the_way_stops_it_with_nothing_changed(folded: Driver, change: str, told: str) -> None:
    database = database_of(folded)
    database.run(change)
    before = dump(database, with_own=True)
    done = run_script(folded)
    assert done.returncode != 0
    assert told in done.stderr
    assert dump(database, with_own=True) == before


def test_a_fold_that_is_undone_is_not_undone_again(folded: Driver) -> None:
    folded.unfold(RollbackOptions(set_aside=True))
    done = run_script(folded)
    assert "things is not folded, so there is nothing to undo" in done.stderr
