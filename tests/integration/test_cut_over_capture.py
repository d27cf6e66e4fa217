"""Writes to the sources while their rows are on the way: what is captured, what escapes, and how that is found out."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from pipelines.core.checks import failed
from pipelines.core.errors import CaptureBroken, Transient
from pipelines.steps import verify
from pipelines.steps.rows import sweep
from pipelines.steps.verify import Verify
from tests.cutting import Cutting, nothing, staged, unverified
from tests.databases import Database
from tests.dump import dump
from tests.folding import spec_text

NewDatabase = Callable[..., Database]
TABLES = """
CREATE TABLE owners (id int PRIMARY KEY);
INSERT INTO owners SELECT generate_series(1, 20);
CREATE TABLE things (id int PRIMARY KEY, name text, owner int);
INSERT INTO things VALUES (-1, 'own', NULL);
CREATE TABLE a (id int PRIMARY KEY, name text, owner int REFERENCES owners ON DELETE CASCADE);
INSERT INTO a SELECT g, 'a' || g, 1 + g % 20 FROM generate_series(1, 300) g;
"""
TEXT = spec_text("things", "table: a")
OFF = "ALTER TABLE a DISABLE TRIGGER pgfold_capture;"
ON = "ALTER TABLE a ENABLE ALWAYS TRIGGER pgfold_capture;"
UNSEEN = """
UPDATE a SET name = 'unseen' WHERE id <= 5; DELETE FROM a WHERE id = 10; INSERT INTO a VALUES (999, 'unseen', 1);
"""


def is_as_archived(cutting: Cutting) -> None:
    """The target has the archive's rows, and its own."""
    archived = cutting.rows("SELECT id, name, owner FROM pgfold_things_public.a ORDER BY id")
    assert cutting.rows("SELECT id, name, owner FROM things ORDER BY id") == [(-1, "own", None), *archived]


WRITES = {
    "copy": "COPY a FROM PROGRAM 'printf \"901\\tcopied\\t1\\n902\\tcopied\\t2\\n\"'",
    "merge": """MERGE INTO a USING (SELECT g AS id FROM generate_series(295, 305) g) n ON n.id = a.id
                WHEN MATCHED AND n.id = 295 THEN DELETE WHEN MATCHED THEN UPDATE SET name = 'merged'
                WHEN NOT MATCHED THEN INSERT VALUES (n.id, 'merged', 1)""",
    "upsert": """INSERT INTO a SELECT g, 'new', 1 FROM generate_series(295, 305) g
                 ON CONFLICT (id) DO UPDATE SET name = 'upserted'""",
    "cascade": "DELETE FROM owners WHERE id IN (3, 4)",
    "key": "UPDATE a SET id = id + 5000 WHERE id <= 100",
    "replica role": "SET session_replication_role = replica; UPDATE a SET name = 'replica'; DELETE FROM a WHERE id = 7",
    "savepoint": """BEGIN; UPDATE a SET name = 'kept' WHERE id = 1; SAVEPOINT s; DELETE FROM a; ROLLBACK TO s;
                    INSERT INTO a VALUES (903, 'kept', 1); COMMIT""",
}


@pytest.mark.parametrize("moment", ["meanwhile", "caught_up", "once_inserted"])
@pytest.mark.parametrize("write", WRITES)
def test_a_captured_write_is_in_the_target(new_database: NewDatabase, write: str, moment: str) -> None:
    database = new_database(TABLES)

    def do() -> None:
        database.run(WRITES[write])

    cutting = staged(database, TEXT, meanwhile=do if moment == "meanwhile" else nothing)
    cutting.cut(
        caught_up=do if moment == "caught_up" else nothing,
        once_inserted=do if moment == "once_inserted" else nothing,
    )
    is_as_archived(cutting)
    assert cutting.rows("SELECT count(*) FROM pgfold_things_public.a") != [(300,)] or write == "key"


def test_truncate_is_refused_until_the_source_is_gone(new_database: NewDatabase) -> None:
    cutting = staged(new_database(TABLES), TEXT)
    for statement in ("TRUNCATE a", "TRUNCATE owners CASCADE", "SET session_replication_role = replica; TRUNCATE a"):
        with pytest.raises(psycopg.errors.ObjectInUse, match=r"public.a is being folded \(things\): use DELETE"):
            cutting.database.run(statement)
    cutting.cut()
    is_as_archived(cutting)


def test_the_table_is_vacuumed_and_rewritten_meanwhile(new_database: NewDatabase) -> None:
    """No write escapes by that."""
    database = new_database(TABLES)
    cutting = staged(database, TEXT, meanwhile=lambda: database.run("VACUUM (FULL, FREEZE) a"))
    database.run("VACUUM FULL a")
    assert cutting.cut().swept == 0
    is_as_archived(cutting)


def test_what_escaped_before_the_verification_is_staged_again(new_database: NewDatabase) -> None:
    database = new_database(TABLES)
    cutting = unverified(database, TEXT)
    database.run(OFF + UNSEEN + ON)
    with cutting.session() as session:
        checks = verify.apply(Verify(cutting.fold), session)
    assert not failed(checks)
    assert [(c.name, c.found) for c in checks if not c.passed] == [("captured_1", 7)]
    assert cutting.cut().swept == 0
    is_as_archived(cutting)


def test_a_row_that_truly_does_not_read_back_fails_the_verification(new_database: NewDatabase) -> None:
    name = "{to: name, forward: 'upper({name})', inverse: 'lower({name})'}"
    text = spec_text("things", f"table: a\ncolumns:\n  name: {name}")
    database = new_database(TABLES)
    cutting = unverified(database, text)
    database.run("UPDATE a SET name = 'Mixed' WHERE id = 3")
    with cutting.session() as session:
        checks = verify.apply(Verify(cutting.fold), session)
    assert [(c.name, c.found) for c in checks if not c.passed] == [("read_back_1", 1)]
    assert "3: column name: 'Mixed' became 'mixed'" in next(c for c in checks if not c.passed).details[0]


def test_what_escaped_before_the_cut_over_is_swept_up(new_database: NewDatabase) -> None:
    cutting = staged(new_database(TABLES), TEXT)
    cutting.database.run(OFF + UNSEEN + ON)
    assert cutting.cut().swept == 7
    is_as_archived(cutting)


def test_a_capture_that_somebody_ended_is_mended(new_database: NewDatabase) -> None:
    cutting = staged(new_database(TABLES), TEXT)
    cutting.database.run("DROP TRIGGER pgfold_capture ON a; ALTER TABLE a DISABLE TRIGGER pgfold_no_truncate;" + UNSEEN)
    cutting.cut(once_inserted=lambda: cutting.database.run("DELETE FROM a WHERE id = 20"))
    is_as_archived(cutting)


@pytest.mark.parametrize("again", [True, False], ids=["and enabled it again", "for good"])
def test_who_disables_the_capture_during_the_cut_over_stops_it_and_a_rerun_completes(
    new_database: NewDatabase, again: bool
) -> None:
    cutting = staged(new_database(TABLES), TEXT)
    told = r"public\.a may have escaped .* disabled or dropped .* run it again"
    with pytest.raises(CaptureBroken, match=told) as broken:
        cutting.cut(once_inserted=lambda: cutting.database.run(OFF + UNSEEN + (ON if again else "")))
    assert isinstance(broken.value, Transient)
    assert cutting.rows("SELECT count(*) FROM things") == [(1,)]
    cutting.cut()
    is_as_archived(cutting)


def test_a_stopped_cut_over_leaves_the_applications_tables_as_they_were(new_database: NewDatabase) -> None:
    cutting = staged(new_database(TABLES), TEXT)
    before = dump(cutting.database)
    with pytest.raises(CaptureBroken):
        cutting.cut(once_inserted=lambda: cutting.database.run(OFF + ON))
    after = dump(cutting.database)
    assert after == before


def test_a_write_that_escaped_all_of_it_turns_the_last_check_red(new_database: NewDatabase) -> None:
    cutting = staged(new_database(TABLES), TEXT)
    window = cutting.cut()
    with cutting.session() as session:
        clean = sweep.look_again(cutting.fold, session, window.xid, refold=False)
    cutting.database.run("UPDATE things SET name = 'edited since' WHERE id = 30")
    archive = "pgfold_things_public.a"
    cutting.database.run(
        f"ALTER TABLE {archive} DISABLE TRIGGER ALL; UPDATE {archive} SET name = 'unseen' WHERE id = 4;"
        f"DELETE FROM {archive} WHERE id = 5; INSERT INTO {archive} VALUES (950, 'unseen', 1)"
    )
    with cutting.session() as session:
        (check,) = sweep.look_again(cutting.fold, session, window.xid, refold=False)
    assert [(c.name, c.passed, c.over, c.blocking) for c in clean] == [("swept_1", True, 300, False)]
    assert (check.passed, check.found, sorted(check.details)) == (False, 3, ["4", "5", "950"])
